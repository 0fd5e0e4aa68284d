/** Which page the address names, and the way from one to the other without loading anew. */

import { useEffect } from "preact/hooks";
import { pageOf, roomNameProblem } from "../state/names";
import { HomePage } from "./home";
import { navigate, path } from "./navigate";
import { NotAPage } from "./not-a-page";
import { RoomPage } from "./room-page";

export function App() {
  useEffect(() => {
    const moved = () => {
      path.value = location.pathname;
    };
    addEventListener("popstate", moved);
    document.addEventListener("click", followLink);
    return () => {
      removeEventListener("popstate", moved);
      document.removeEventListener("click", followLink);
    };
  }, []);

  const page = pageOf(path.value);
  const title = page.page === "room" ? `${page.room} · mixminus` : "mixminus";
  useEffect(() => {
    document.title = title;
  }, [title]);

  if (page.page === "home") return <HomePage />;
  if (page.page === "unknown") {
    return <NotAPage title="There is nothing here" sentence={`No page has the address ${page.path}.`} />;
  }
  const problem = roomNameProblem(page.room);
  if (problem !== null) return <NotAPage title={`“${page.room}” is not a room`} sentence={problem} />;
  return <RoomPage key={page.room} room={page.room} />;
}

/** Links inside the page change the address and draw; all others are the browser's. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest("a");
  if (link === null || link.origin !== location.origin || link.target !== "" || link.hasAttribute("download")) return;
  if (pageOf(link.pathname).page === "unknown") return;
  event.preventDefault();
  navigate(link.pathname);
}
