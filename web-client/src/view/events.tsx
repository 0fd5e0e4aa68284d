/** The last lines of the room's event log, for those who run it. */

import type { RoomStore } from "../state/store";

export function Events({ store }: { store: RoomStore }) {
  return (
    <section class="events" aria-label="Events">
      <h2>Events</h2>
      {store.events.value.length === 0 ? (
        <p class="quiet">Joins, losses and moves of the desk are written here.</p>
      ) : (
        <ol tabIndex={0} aria-label="Event log, newest first">
          {store.events.value.map((line) => (
            <li key={line.key}>
              <span class="at">{(line.at / 1000).toFixed(1)}</span>
              <span class="what">{line.event}</span>
              <span class="from">{line.address}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
