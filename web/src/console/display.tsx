import RFB from "@novnc/novnc";
import { createEffect, createSignal, For, onCleanup, onMount, Show, type JSX } from "solid-js";
import { t, type Key } from "../i18n";
import { Menu } from "../ui/menu";
import { download } from "./download";
import { ConsoleFrame } from "./frame";
import { kept } from "./kept";
import { Keyboard, lacking, typeText } from "./keyboard";
import { combinations, ctrlAltDel, type Combination } from "./keys";
import { layouts } from "./layouts";
import { consoleAddress, createLink } from "./link";
import { PasteDialog } from "./paste";
import { hasTouch, TouchKeyboard } from "./touch-keyboard";

// noVNC, with the guest's keyboard between its own and the guest.
class GuestDisplay extends RFB {
  readonly keyboard = new Keyboard((keysym, code, down) => super.sendKey(keysym, code, down));

  override sendKey(keysym: number, code: string, down: boolean): void {
    this.keyboard.key(keysym, code, down);
  }
}

const layoutChoices = ["position", "us", "jis"] as const;

export function Display(props: { vm: string }): JSX.Element {
  let place!: HTMLDivElement;
  let touchField!: HTMLTextAreaElement;
  let display: GuestDisplay | undefined;
  const [layout, setLayout] = kept(`console.layout.${props.vm}`, layoutChoices, "position");
  const [scale, setScale] = kept("console.scale", ["fit", "whole"], "fit");
  const [pasting, setPasting] = createSignal(false);
  const known = () => layouts[layout() as keyof typeof layouts] && (layout() as keyof typeof layouts);
  const typed = () => known() ?? "us"; // for a text, which has no places

  const link = createLink(async () => {
    const address = await consoleAddress(props.vm, "vnc");
    if (link.hasLeft()) return;
    place.replaceChildren();
    const mine = new GuestDisplay(place, address, { wsProtocols: ["binary"] });
    display = mine;
    mine.background = "#111";
    mine.scaleViewport = scale() === "fit";
    mine.keyboard.layout = known();
    const canvas = place.querySelector("canvas")!;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", t("console_display"));
    canvas.addEventListener("blur", () => mine.keyboard.releaseAll());
    mine.addEventListener("connect", () => {
      link.opened();
      if (!pasting()) mine.focus();
    });
    mine.addEventListener("clipboard", (event) => void navigator.clipboard?.writeText((event as CustomEvent<{ text: string }>).detail.text).catch(() => undefined));
    mine.addEventListener("disconnect", () => {
      if (display !== mine) return;
      display = undefined;
      link.lost();
    });
  });
  createEffect(() => {
    const [fit, chosen] = [scale() === "fit", known()];
    if (!display) return;
    display.scaleViewport = fit;
    display.keyboard.layout = chosen;
  });
  const focus = () => display?.focus();
  // One after the other: a touch keyboard that completes words gives many characters at once, and then Enter.
  let last = Promise.resolve();
  const afterwards = (act: (keyboard: Keyboard) => void | Promise<void>) => {
    last = last.then(() => display && act(display.keyboard));
  };
  const press = (combination: Combination) => {
    afterwards((keyboard) => keyboard.combination(combination.keys));
    focus();
  };
  const typeable = (text: string) => {
    const without = new Set(lacking(text, typed()));
    return [...text].filter((character) => !without.has(character)).join("");
  };
  const screenshot = () =>
    place.querySelector("canvas")?.toBlob((picture) => {
      if (picture) download(`guest-${props.vm}.png`, picture);
    });
  const closed = () => link.state() !== "open";
  onMount(() => void link.open());
  onCleanup(() => display?.disconnect());
  return (
    <ConsoleFrame
      name={t("console_display")}
      link={link}
      focus={() => focus()}
      tools={
        <>
          <button disabled={closed()} onClick={() => press(ctrlAltDel)}>{ctrlAltDel.label}</button>
          <Menu name={t("send_keys")} label={<>{t("send_keys")} ▾</>} class="">
            <For each={combinations}>
              {(group, at) => (
                <>
                  <Show when={at()}><hr /></Show>
                  <Show when={group.title}><div class="label">{group.title}</div></Show>
                  <div class={`keys columns-${group.columns}`}>
                    <For each={group.keys}>
                      {(one) => <button disabled={closed()} aria-label={one.short && one.label} lang={/^[ -~]*$/.test(one.label) ? undefined : "ja"} onClick={() => press(one)}>{one.title ? t(one.title) : (one.short ?? one.label)}</button>}
                    </For>
                  </div>
                </>
              )}
            </For>
          </Menu>
          <button disabled={closed()} onClick={() => setPasting(true)}>{t("paste")}…</button>
          <Show when={hasTouch()}><button disabled={closed()} onClick={() => touchField.focus()}>{t("touch_keyboard")}</button></Show>
          <select aria-label={t("layout")} title={t("layout_hint")} value={layout()} onChange={(event) => setLayout(event.currentTarget.value as (typeof layoutChoices)[number])}>
            <For each={layoutChoices}>{(one) => <option value={one} selected={layout() === one}>{t(`layout_${one}` as Key)}</option>}</For>
          </select>
          <button aria-pressed={scale() === "whole"} title={t("scale_hint")} onClick={() => setScale(scale() === "fit" ? "whole" : "fit")}>1:1</button>
          <button disabled={closed()} onClick={screenshot}>{t("screenshot")}</button>
        </>
      }
    >
      <div ref={place} />
      <TouchKeyboard
        field={(field) => (touchField = field)}
        typeable={typeable}
        type={(text) => afterwards((keyboard) => typeText(keyboard, text, typed()))}
        key={(keysym, code) => afterwards((keyboard) => keyboard.combination([[keysym, code]]))}
      />
      <Show when={pasting()}>
        <PasteDialog
          note={t("paste_typed", { layout: t(`layout_name_${typed()}`) })}
          lacking={(text) => lacking(text, typed())}
          closed={closed()}
          send={(text, stop, progress) => typeText(display!.keyboard, text, typed(), stop, progress)}
          close={() => {
            setPasting(false);
            focus();
          }}
        />
      </Show>
    </ConsoleFrame>
  );
}
