/** The few drawings of the page. All are decoration: a word stands beside each. */

const PATHS = {
  add: "M12 5v14M5 12h14",
  asking: "M5 12h.01M12 12h.01M19 12h.01",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15L6 16zM10 21h4",
  channels: "M5 6h14M5 12h14M5 18h9",
  close: "M6 6l12 12M18 6L6 18",
  desk: "M6 4v16M12 4v16M18 4v16M4 9h4M10 15h4M16 8h4",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  microphone: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  muted: "M9 9v3a3 3 0 0 0 4.5 2.6M15 11V6a3 3 0 0 0-5.8-1M5 11a7 7 0 0 0 10.5 6M19 11a7 7 0 0 1-.8 3.2M12 18v3M4 3l16 18",
  offline: "M3 9a14 14 0 0 1 6-3.4M13 5a14 14 0 0 1 8 4M6.5 13a9 9 0 0 1 3-1.9M15 11.3a9 9 0 0 1 2.5 1.7M12 18h.01M4 3l16 18",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14a6.5 6.5 0 0 1 3.5 6",
  queue: "M7 4h10M7 20h10M8 4c0 4 8 5 8 8s-8 4-8 8M16 4c0 4-8 5-8 8s8 4 8 8",
  settings: "M4 8h9M17 8h3M4 16h3M11 16h9M15 5.5v5M9 13.5v5",
  sound: "M4 9v6h4l5 4V5L8 9H4zM16.5 8.5a5 5 0 0 1 0 7M19 6a8.5 8.5 0 0 1 0 12",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
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
