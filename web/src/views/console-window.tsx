// A console alone in its window: it opens by itself as soon as the guest runs.
import { useParams } from "@solidjs/router";
import { createEffect, createMemo, Match, Switch, type JSX } from "solid-js";
import { live, ready } from "../api/live";
import type { VmState } from "../api/types";
import { OneConsole, serialName } from "../console/consoles";
import { isConsoleKind, type ConsoleKind } from "../console/link";
import { t, type Key } from "../i18n";
import { VmStateText } from "../ui/state";
import { Toasts } from "../ui/toasts";

export function ConsoleWindow(): JSX.Element {
  const params = useParams<{ vm: string; kind: string }>();
  const kind = (): ConsoleKind => (isConsoleKind(params.kind) ? params.kind : "vnc");
  const kindName = (one: ConsoleKind) => (one === "vnc" ? t("console_display") : serialName(one));
  const vm = createMemo(() => live.vm.get(params.vm));
  const stateName = (state: VmState) => t(`state_${state}` as Key);
  createEffect(() => {
    const found = vm();
    document.title = found ? `${found.name} (${stateName(found.state)}) – ${kindName(kind())}` : `${params.vm} – Yado`;
  });
  return (
    <main class="console-window">
      <Switch fallback={<p class="quiet">{t("loading")}</p>}>
        <Match when={vm()}>
          {(found) => (
            <>
              <div class="line"><h1><bdi>{found().name}</bdi></h1><VmStateText state={found().state} /></div>
              <OneConsole vm={found()} kind={kind()} />
            </>
          )}
        </Match>
        <Match when={ready()}><div class="empty"><h1>{t("guest_gone")}</h1></div></Match>
      </Switch>
      <Toasts />
    </main>
  );
}
