// A modal dialog of the browser's own: Escape closes it, focus stays in it and comes back.
import { onCleanup, onMount, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import { Icon } from "./icons";

// `firm`: what it has would be lost; so only its buttons close it, no slip beside it and no Escape.
export function Dialog(props: { title?: string; class?: string; firm?: boolean; close: () => void; children: JSX.Element }): JSX.Element {
  let element!: HTMLDialogElement;
  const before = document.activeElement;
  onMount(() => {
    element.showModal();
    element.querySelector<HTMLElement>("input, select, textarea")?.focus();
  });
  // One that is taken away without being closed gives the focus back as well.
  onCleanup(() => {
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  // A press that began inside (a selection that was dragged out) does not close it.
  let outside = false;
  return (
    <dialog
      ref={element}
      class={props.class}
      aria-label={props.title}
      onClose={() => props.close()}
      onKeyDown={(event) => props.firm && event.key === "Escape" && !event.isComposing && event.preventDefault()}
      onCancel={(event) => event.target === element && props.firm && event.preventDefault()}
      onPointerDown={(event) => (outside = event.target === element)}
      onClick={(event) => outside && !props.firm && event.target === element && element.close()}
    >
      <div class="inside">
        <Show when={props.title}>
          <div class="line apart">
            <h2>{props.title}</h2>
            <button type="button" class="plain icon" aria-label={t("close")} onClick={() => element.close()}>
              <Icon name="close" />
            </button>
          </div>
        </Show>
        {props.children}
      </div>
    </dialog>
  );
}
