// A button that opens a list of actions.
import { createSignal, onCleanup, Show, type JSX } from "solid-js";

export function Menu(props: { label: JSX.Element; name: string; class?: string; children: JSX.Element }): JSX.Element {
  const [open, setOpen] = createSignal(false);
  let element!: HTMLDivElement;
  const outside = (event: Event) => {
    if (!element.contains(event.target as Node)) setOpen(false);
  };
  document.addEventListener("pointerdown", outside);
  onCleanup(() => document.removeEventListener("pointerdown", outside));
  const step = (by: number) => {
    const items = [...element.querySelectorAll<HTMLElement>("div button:not(:disabled), div a")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[(at + by + items.length) % items.length]?.focus();
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
  return (
    <div class="menu" ref={element} onKeyDown={key}>
      <button class={props.class ?? "plain icon"} aria-label={props.name} title={props.name} aria-haspopup="menu" aria-expanded={open()} onClick={() => setOpen(!open())}>
        {props.label}
      </button>
      <Show when={open()}>
        <div onClick={() => setOpen(false)}>{props.children}</div>
      </Show>
    </div>
  );
}
