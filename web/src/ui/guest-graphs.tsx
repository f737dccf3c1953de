import type { JSX } from "solid-js";
import { graphOf, Graphs } from "./graphs";

export function GuestGraphs(props: { vm: number }): JSX.Element {
  return <Graphs of={`/vms/${props.vm}`} graphs={[graphOf.cpu(), graphOf.memory(), graphOf.disks(), graphOf.operations(), graphOf.network()]} />;
}
