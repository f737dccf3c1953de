import type { JSX } from "solid-js";
import { t } from "../i18n";
import { graphOf, Graphs } from "./graphs";

export function GuestGraphs(props: { vm: number }): JSX.Element {
  return <Graphs of={`/vms/${props.vm}`} graphs={[graphOf.cpu(t("graph_cpu")), graphOf.memory(), graphOf.disks(), graphOf.operations(), graphOf.network()]} />;
}
