// What of the host guests can be given: the mappings, and the devices that a new one can name.
import { A } from "@solidjs/router";
import { createSignal, For, Show, type JSX } from "solid-js";
import { getAll, may } from "../api/http";
import { live } from "../api/live";
import { reading } from "../api/read";
import type { Document } from "../api/schema";
import type { Device, Mapping } from "../api/types";
import { t } from "../i18n";
import { deviceClass } from "../i18n/api-words";
import { ChangeDialog, deletion, type Change } from "./change";
import { Editor } from "./editor";
import { ErrorBox } from "./errors";

const target = (mapping: Mapping): string => mapping.path ?? [mapping.address, mapping.device, mapping.port, mapping.serial].filter(Boolean).join(" · ");

// What a mapping of the device begins with.
const named = (device: Device): Document => (device.bus === "pci" ? { kind: "pci", address: device.name, device: device.device } : { kind: "usb", device: device.device });

export function Mappings(): JSX.Element {
  const changes = () => (live.mapping.count(), live.vm.count());
  const mappings = reading(() => "/mappings", (path) => getAll<Mapping>(path), { changes });
  const [looking, setLooking] = createSignal(false);
  const devices = reading(() => (looking() ? "/nodes/self/devices" : undefined), (path) => getAll<Device>(path), { changes });
  const [start, setStart] = createSignal<Document>();
  const [editing, setEditing] = createSignal<Mapping>();
  const [change, setChange] = createSignal<Change>();
  const manage = () => may("mapping.manage");
  // Said once, not of each of the host's many devices.
  const withoutIommu = () => !!devices.value?.some((device) => device.bus === "pci") && devices.value.every((device) => device.bus !== "pci" || (device.group ?? undefined) === undefined);
  const path = (mapping: Mapping) => `/mappings/${encodeURIComponent(mapping.name)}`;
  return (
    <>
      <section class="card scroll-x">
        <header><h2>{t("mappings")}</h2><Show when={manage()}><button onClick={() => setStart({})}>{t("create_mapping")}</button></Show></header>
        <ErrorBox error={mappings.error} />
        <table class="table">
          <thead><tr><th>{t("col_name")}</th><th>{t("kind")}</th><th>{t("mapping_target")}</th><th>{t("state")}</th><th>{t("guests")}</th><th /></tr></thead>
          <tbody>
            <For each={mappings.value} fallback={<tr><td colspan="6" class="quiet">{mappings.loading ? t("loading") : t("no_mappings")}</td></tr>}>
              {(mapping) => (
                <tr>
                  <td class="nowrap"><bdi>{mapping.name}</bdi></td>
                  <td class="nowrap">{t(`mapping_${mapping.kind}`)}</td>
                  <td class="mono">{target(mapping)}<Show when={mapping.read_only}> · {t("read_only")}</Show></td>
                  <td class="words"><span class={`state ${mapping.usable ? "good" : "bad"}`}>{t(mapping.usable ? "usable" : "unusable")}</span><Show when={mapping.problem}><div class="quiet small">{mapping.problem}</div></Show></td>
                  <td><For each={mapping.guests}>{(id, index) => <>{index() > 0 ? ", " : ""}<A href={`/guests/${id}`}><bdi>{live.vm.get(id)?.name ?? id}</bdi></A></>}</For></td>
                  <td class="number nowrap">
                    <Show when={manage()}>
                      <button onClick={() => setEditing(mapping)}>{t("edit")}</button>{" "}
                      <button class="danger" onClick={() => setChange(deletion("mapping", path(mapping), mapping.name))}>{t("delete")}</button>
                    </Show>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <section class="card scroll-x">
        <header><h2>{t("devices")}</h2><button disabled={devices.loading} onClick={() => (looking() ? devices.again() : setLooking(true))}>{t("devices_look")}</button></header>
        <ErrorBox error={devices.error} />
        <Show when={devices.value} fallback={<p class="quiet">{devices.loading ? t("loading") : t("devices_hint")}</p>}>
          <Show when={withoutIommu()}><div class="box warn">{t("devices_no_iommu")}</div></Show>
          <table class="table">
            <thead><tr><th>{t("device")}</th><th>{t("kind")}</th><th>{t("driver")}</th><th>{t("iommu_group")}</th><th>{t("mappings")}</th><th /></tr></thead>
            <tbody>
              <For each={devices.value} fallback={<tr><td colspan="6" class="quiet">{t("no_devices")}</td></tr>}>
                {(device) => (
                  <tr>
                    <td><span class="mono">{device.name} {device.device}</span><Show when={device.title}><div><bdi>{device.title}</bdi></div></Show></td>
                    <td class="nowrap">{device.bus.toUpperCase()} · {deviceClass(device.class)}</td>
                    <td class="mono">{device.driver ?? "–"}</td>
                    <td>{device.group ?? "–"}<Show when={device.problem && !(device.bus === "pci" && withoutIommu())}><div class="quiet small">{device.problem}</div></Show></td>
                    <td>{device.mappings.join(", ")}</td>
                    <td class="number"><Show when={manage()}><button onClick={() => setStart(named(device))}>{t("create_mapping")}</button></Show></td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </Show>
      </section>
      <Show when={start()} keyed>{(begin) => <Editor table="mapping" title={t("create_mapping")} start={begin} path="/mappings" command="mapping" close={() => setStart(undefined)} done={() => mappings.again()} />}</Show>
      <Show when={editing()} keyed>{(one) => <Editor table="mapping" title={t("change_of", { name: one.name })} base={one as unknown as Document} path={path(one)} command="mapping" close={() => setEditing(undefined)} done={() => mappings.again()} />}</Show>
      <Show when={change()} keyed>{(one) => <ChangeDialog change={one} close={() => setChange(undefined)} done={() => mappings.again()} />}</Show>
    </>
  );
}
