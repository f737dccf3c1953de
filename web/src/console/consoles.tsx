// A guest's serial console and display, here or in a window of their own.
import { createSignal, lazy, Match, Show, Suspense, Switch, type JSX } from "solid-js";
import { may } from "../api/http";
import type { Vm, VmState } from "../api/types";
import { t } from "../i18n";
import type { ConsoleKind } from "./link";

const Serial = lazy(() => import("./serial").then((m) => ({ default: m.Serial })));
const Display = lazy(() => import("./display").then((m) => ({ default: m.Display })));

// A guest that is being started has no console yet.
const hasConsole = (state: VmState) => state !== "stopped" && state !== "starting" && state !== "unknown";

export function OneConsole(props: { vm: string; kind: ConsoleKind }): JSX.Element {
  return (
    <Suspense fallback={<p class="quiet">{t("loading")}</p>}>
      <Switch>
        <Match when={props.kind === "serial"}><Serial vm={props.vm} /></Match>
        <Match when={props.kind === "vnc"}><Display vm={props.vm} /></Match>
      </Switch>
    </Suspense>
  );
}

export function Consoles(props: { vm: Vm }): JSX.Element {
  const hasDisplay = () => props.vm.display !== "none";
  const hasSerial = () => props.vm.serial !== false;
  const [kind, setKind] = createSignal<ConsoleKind>(hasDisplay() && !props.vm.kernel ? "vnc" : hasSerial() ? "serial" : "vnc");
  const open = () => window.open(`/console/${props.vm.id}/${kind()}`, `console-${props.vm.id}-${kind()}`, "width=1000,height=720");
  return (
    <Show when={hasConsole(props.vm.status.state)} fallback={<div class="empty"><p>{t(props.vm.status.state === "stopped" ? "console_stopped" : "console_waits")}</p></div>}>
      <Show when={may("vm.console", `/vms/${props.vm.id}`)} fallback={<div class="empty"><p>{t("console_forbidden")}</p></div>}>
        <div class="line">
          <div class="line" role="radiogroup" aria-label={t("console")}>
            <Show when={hasDisplay()}><button role="radio" aria-checked={kind() === "vnc"} class={kind() === "vnc" ? "main-action" : ""} onClick={() => setKind("vnc")}>{t("console_display")}</button></Show>
            <Show when={hasSerial()}><button role="radio" aria-checked={kind() === "serial"} class={kind() === "serial" ? "main-action" : ""} onClick={() => setKind("serial")}>{t("console_serial")}</button></Show>
          </div>
          <button class="to-end" onClick={open}>{t("console_window")}</button>
        </div>
        <OneConsole vm={String(props.vm.id)} kind={kind()} />
      </Show>
    </Show>
  );
}
