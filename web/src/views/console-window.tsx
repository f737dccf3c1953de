// A console alone in its window.
import { useParams } from "@solidjs/router";
import { createEffect, type JSX } from "solid-js";
import { live } from "../api/live";
import { OneConsole } from "../console/consoles";

export function ConsoleWindow(): JSX.Element {
  const params = useParams<{ vm: string; kind: string }>();
  createEffect(() => {
    document.title = `${live.vm.get(params.vm)?.name ?? params.vm} – Yado`;
  });
  return <main class="console-window"><OneConsole vm={params.vm} kind={params.kind === "serial" ? "serial" : "vnc"} /></main>;
}
