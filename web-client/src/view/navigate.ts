/** The address as a signal. */

import { signal } from "@preact/signals";

export const path = signal(location.pathname);

export function navigate(to: string): void {
  history.pushState(null, "", to);
  path.value = location.pathname;
  scrollTo(0, 0);
}
