// A guest's serial console and display, here or in a window of their own.
import { createSignal, For, Match, Show, Suspense, Switch, type JSX } from "solid-js";
import { may } from "../api/http";
import type { Vm, VmRow, VmState } from "../api/types";
import { t } from "../i18n";
import { act, actions, actionTitle, can } from "../ui/actions";
import { Icon } from "../ui/icons";
import { later } from "../ui/later";
import { portOf, serialKinds, type ConsoleKind, type SerialKind } from "./link";

const Serial = later(() => import("./serial").then((m) => ({ default: m.Serial })));
const Display = later(() => import("./display").then((m) => ({ default: m.Display })));
export const serialName = (kind: SerialKind) => t("console_serial") + (kind === "serial" ? "" : ` ${portOf(kind)}`);
const start = actions.find((action) => action.name === "start")!;

// A guest that is being started has no console yet.
const hasConsole = (state: VmState) => state !== "stopped" && state !== "starting" && state !== "unknown";

// The console, or why there is none and what can be done about that.
export function OneConsole(props: { vm: Pick<VmRow, "id" | "name" | "state">; kind: ConsoleKind }): JSX.Element {
  return (
    <Switch>
      <Match when={!may("vm.console", `/vms/${props.vm.id}`)}><div class="empty"><p>{t("console_forbidden")}</p></div></Match>
      <Match when={!hasConsole(props.vm.state)}>
        <div class="empty" role="status">
          <p>{t(props.vm.state === "stopped" ? "console_stopped" : "console_waits")}</p>
          <Show when={can(start, props.vm) && may("vm.power", `/vms/${props.vm.id}`)}>
            <button class="main-action" onClick={() => void act(start, [props.vm])}><Icon name="start" />{actionTitle(start)}</button>
          </Show>
        </div>
      </Match>
      <Match when={true}>
        <Suspense fallback={<p class="quiet">{t("loading")}</p>}>
          <Switch>
            <Match when={props.kind !== "vnc" && props.kind} keyed>{(kind) => <Serial vm={String(props.vm.id)} kind={kind} />}</Match>
            <Match when={props.kind === "vnc"}><Display vm={String(props.vm.id)} /></Match>
          </Switch>
        </Suspense>
      </Match>
    </Switch>
  );
}

export function Consoles(props: { vm: Vm }): JSX.Element {
  const hasDisplay = () => props.vm.display !== "none";
  const hasSerial = () => props.vm.serial !== false;
  const ports = () => (hasSerial() ? serialKinds.slice(0, props.vm.serial_ports) : []);
  const [kind, setKind] = createSignal<ConsoleKind>(hasDisplay() && !props.vm.kernel ? "vnc" : hasSerial() ? "serial" : "vnc");
  const open = () => window.open(`/console/${props.vm.id}/${kind()}`, `console-${props.vm.id}-${kind()}`, "width=1000,height=720");
  return (
    <>
      <div class="line">
        <div class="line" role="radiogroup" aria-label={t("console")}>
          <Show when={hasDisplay()}><button role="radio" aria-checked={kind() === "vnc"} class={kind() === "vnc" ? "main-action" : ""} onClick={() => setKind("vnc")}>{t("console_display")}</button></Show>
          <For each={ports()}>{(one) => <button role="radio" aria-checked={kind() === one} class={kind() === one ? "main-action" : ""} onClick={() => setKind(one)}>{serialName(one)}</button>}</For>
        </div>
        <button class="to-end" onClick={open}>{t("console_window")}</button>
      </div>
      <OneConsole vm={{ id: props.vm.id, name: props.vm.name, state: props.vm.status.state }} kind={kind()} />
    </>
  );
}
