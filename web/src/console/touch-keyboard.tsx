// The keyboard of a device that has it on its screen: a field that nobody sees brings it up, and what changes in that field
// is typed into the guest, at once, also while the keyboard still composes or corrects a word.
import { onMount, type JSX } from "solid-js";
import { t } from "../i18n";
import { keysyms } from "./keyboard";

const FILL = "      "; // so that there is always something that Backspace can take away

const keys: Record<string, number> = {
  Enter: keysyms.Return, Backspace: keysyms.BackSpace, Tab: keysyms.Tab, Escape: keysyms.Escape,
  ArrowLeft: keysyms.Left, ArrowUp: keysyms.Up, ArrowRight: keysyms.Right, ArrowDown: keysyms.Down,
};

export const hasTouch = () => matchMedia("(any-pointer: coarse)").matches;

// `typeable` leaves of a text what the guest's keyboard has.
export function TouchKeyboard(props: { field: (field: HTMLTextAreaElement) => void; typeable: (text: string) => string; type: (text: string) => void; key: (keysym: number, code: string) => void }): JSX.Element {
  let field!: HTMLTextAreaElement;
  let sent = "";
  const refill = () => {
    sent = "";
    field.value = FILL;
    field.setSelectionRange(FILL.length, FILL.length);
  };
  const input = (event: InputEvent) => {
    const now = props.typeable(field.value.slice(FILL.length));
    let same = 0;
    while (same < now.length && now[same] === sent[same]) same++;
    const away = sent.length - same + Math.max(0, FILL.length - field.value.length);
    for (let count = 0; count < away; count++) props.key(keysyms.BackSpace, "Backspace");
    props.type(now.slice(same));
    sent = now;
    if (!event.isComposing) refill();
  };
  const down = (event: KeyboardEvent) => {
    const keysym = keys[event.key];
    if (keysym === undefined || event.isComposing) return;
    event.preventDefault();
    props.key(keysym, event.key);
  };
  onMount(() => {
    props.field(field);
    refill();
  });
  return (
    <textarea
      class="hidden-text" tabindex="-1" aria-label={t("touch_keyboard")} autocapitalize="off" autocomplete="off" spellcheck={false} ref={field}
      onInput={(event) => input(event as InputEvent)} onCompositionEnd={refill} onKeyDown={down}
    />
  );
}
