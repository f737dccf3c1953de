// Line drawings of 24 × 24; they say nothing that the words beside them do not.
import type { JSX } from "solid-js";

const paths = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
  guests: "M4 5h16v11H4zM9 20h6M12 16v4",
  images: "M12 3 4 7l8 4 8-4zM4 12l8 4 8-4M4 17l8 4 8-4",
  storages: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  tasks: "M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2",
  history: "M12 8v4l3 2M4 12a8 8 0 1 0 3-6.2L4 8M4 4v4h4",
  access: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  node: "M4 4h16v7H4zM4 13h16v7H4zM8 7.5h.01M8 16.5h.01",
  start: "M7 5v14l11-7z",
  stop: "M6 6h12v12H6z",
  pause: "M8 5v14M16 5v14",
  shutdown: "M12 3v9M6.3 7.3a8 8 0 1 0 11.4 0",
  console: "M4 5h16v14H4zM8 10l3 2-3 2M13 15h3",
  more: "M12 6h.01M12 12h.01M12 18h.01",
  close: "M6 6l12 12M18 6 6 18",
  columns: "M4 5h16v14H4zM10 5v14M15 5v14",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
} as const;

export type IconName = keyof typeof paths;

export function Icon(props: { name: IconName }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[props.name]} />
    </svg>
  );
}
