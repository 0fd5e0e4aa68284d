import { Wordmark } from "./icons";
import "./home.css";

/** An address that leads nowhere, and the way out. */
export function NotAPage({ title, sentence }: { title: string; sentence: string }) {
  return (
    <div class="home">
      <header class="home-head">
        <Wordmark />
      </header>
      <main class="empty">
        <h1>{title}</h1>
        <p>{sentence}</p>
        <a class="button primary" href="/">
          See all rooms
        </a>
      </main>
    </div>
  );
}
