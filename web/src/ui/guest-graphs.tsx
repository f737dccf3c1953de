import type { JSX } from "solid-js";
import { graphOf, Graphs } from "./graphs";

export function GuestGraphs(props: { vm: number }): JSX.Element {
  return <Graphs of={`/vms/${props.vm}`} graphs={[graphOf.cpu(), graphOf.guestMemory(), graphOf.disks(), graphOf.operations(), graphOf.network()]} />;
}
