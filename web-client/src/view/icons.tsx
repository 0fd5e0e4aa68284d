/** The few drawings of the page. All are decoration: a word stands beside each. */

const PATHS = {
  back: "M15 5l-7 7 7 7",
  desk: "M6 4v16M12 4v16M18 4v16M4 9h4M10 15h4M16 8h4",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  microphone: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14a6.5 6.5 0 0 1 3.5 6",
  sound: "M4 9v6h4l5 4V5L8 9H4zM16.5 8.5a5 5 0 0 1 0 7M19 6a8.5 8.5 0 0 1 0 12",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Wordmark() {
  return (
    <a class="wordmark" href="/">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect class="mark-way" x="7" y="4" width="3" height="24" rx="1.5" />
        <rect class="mark-way" x="14.5" y="4" width="3" height="24" rx="1.5" />
        <rect class="mark-way" x="22" y="4" width="3" height="24" rx="1.5" />
        <rect class="mark-cap" x="4.5" y="17" width="8" height="5" rx="2" />
        <rect class="mark-cap on" x="12" y="9" width="8" height="5" rx="2" />
        <rect class="mark-cap" x="19.5" y="14" width="8" height="5" rx="2" />
      </svg>
      mixminus
    </a>
  );
}
