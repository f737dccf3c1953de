// The node's graphs: the few of the overview, or all.
import { Show, type JSX } from "solid-js";
import { graphOf, Graphs, LiveGraphs } from "./graphs";

export function NodeGraphs(props: { short?: boolean }): JSX.Element {
  return (
    <Show when={props.short} fallback={<Graphs of="/nodes/self" graphs={[graphOf.cpu(), graphOf.load(), graphOf.memory(), graphOf.disks(), graphOf.network()]} />}>
      <LiveGraphs of="/nodes/self" graphs={[graphOf.cpu(), graphOf.load(), graphOf.network()]} />
    </Show>
  );
}
