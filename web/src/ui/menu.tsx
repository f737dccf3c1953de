// A button that opens a list of actions, over everything else: a table that scrolls does not cut it off.
import { createSignal, onCleanup, Show, type JSX } from "solid-js";

const MARGIN = 4; // pixels

export function Menu(props: { label: JSX.Element; name: string; class?: string; children: JSX.Element }): JSX.Element {
  const [open, setOpen] = createSignal(false);
  let element!: HTMLDivElement;
  // A press beside it closes it, and so does scrolling, with which it would not go.
  const outside = (event: Event) => {
    if (!element.contains(event.target as Node)) setOpen(false);
  };
  document.addEventListener("pointerdown", outside);
  document.addEventListener("scroll", outside, true);
  onCleanup(() => {
    document.removeEventListener("pointerdown", outside);
    document.removeEventListener("scroll", outside, true);
  });
  const items = () => [...element.querySelectorAll<HTMLElement>("div button:not(:disabled), div a")];
  const step = (by: number) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    all[at < 0 && by < 0 ? all.length - 1 : (at + by + all.length) % all.length]?.focus();
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing || !open()) return;
    if (event.key === "Escape") {
      setOpen(false);
      element.querySelector("button")?.focus();
    } else if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  // Below the button, or above it where there is no room; its right edges are the button's.
  const place = (list: HTMLDivElement) =>
    queueMicrotask(() => {
      if (!list.isConnected) return;
      for (const item of list.querySelectorAll("button:not([role]), a:not([role])")) item.setAttribute("role", "menuitem");
      list.showPopover();
      const button = element.getBoundingClientRect();
      const { offsetWidth, offsetHeight } = list;
      const below = button.bottom + MARGIN;
      const fits = below + offsetHeight <= innerHeight || button.top - MARGIN - offsetHeight < 0;
      list.style.top = `${fits ? Math.max(0, Math.min(below, innerHeight - offsetHeight)) : button.top - MARGIN - offsetHeight}px`;
      list.style.left = `${Math.min(Math.max(MARGIN, button.right - offsetWidth), innerWidth - offsetWidth - MARGIN)}px`;
    });
  return (
    <div class="menu" ref={element} onKeyDown={key} onFocusOut={(event) => open() && event.relatedTarget instanceof Node && !element.contains(event.relatedTarget) && setOpen(false)}>
      <button type="button" class={props.class ?? "plain icon"} aria-label={props.name} title={props.name} aria-haspopup="menu" aria-expanded={open()} onClick={() => setOpen(!open())}>
        {props.label}
      </button>
      <Show when={open()}>
        <div popover="manual" role="menu" aria-label={props.name} ref={place} onClick={() => setOpen(false)}>
          {props.children}
        </div>
      </Show>
    </div>
  );
}
