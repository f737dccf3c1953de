// Operating systems to choose from, in their groups, found by what is typed.
import { createMemo, createSignal, createUniqueId, For, type Accessor, type JSX } from "solid-js";
import { get } from "../api/http";
import { reading } from "../api/read";
import type { List, Preset } from "../api/types";
import { either, t } from "../i18n";

// All that the node has a preset for; they never change while it runs.
export function systems(): Accessor<Preset[]> {
  const list = reading(() => "/presets?limit=1000", (path) => get<List<Preset>>(path));
  return () => list.value?.items ?? [];
}

export const titleOfSystem = (preset: Preset) => either(preset.title, preset.title_ja);

interface Group {
  name: string;
  title: string;
  presets: Preset[];
}

function grouped(presets: Preset[]): Group[] {
  const groups = new Map<string, Group>();
  for (const preset of presets) {
    const group = groups.get(preset.group) ?? { name: preset.group, title: either(preset.group_title, preset.group_title_ja), presets: [] };
    groups.set(preset.group, group);
    group.presets.push(preset);
  }
  return [...groups.values()];
}

// `none` is what choosing none means. `more`: choices that are no presets, by their value.
export function SystemPicker(props: { all: Preset[]; value: string | undefined; set: (name: string | undefined) => void; none: string; more?: Record<string, string>; rows?: number; label?: string }): JSX.Element {
  const id = createUniqueId();
  const [search, setSearch] = createSignal("");
  const found = createMemo(() => {
    const words = search().toLowerCase().split(/\s+/).filter(Boolean);
    return props.all.filter((one) => one.name === props.value || words.every((word) => `${one.name} ${one.title} ${one.title_ja} ${one.group_title} ${one.group_title_ja}`.toLowerCase().includes(word)));
  });
  return (
    <div class="stack">
      <input type="search" value={search()} placeholder={t("system_search")} aria-label={t("system_search")} aria-controls={id} onInput={(event) => setSearch(event.currentTarget.value)} onKeyDown={(event) => event.key === "Enter" && event.preventDefault()} />
      <select id={id} size={props.rows ?? 8} aria-label={props.label ?? t("system")} onChange={(event) => props.set(event.currentTarget.value || undefined)}>
        <option value="" selected={!props.value}>{props.none}</option>
        <For each={grouped(found())}>
          {(group) => (
            <optgroup label={group.title}>
              <For each={group.presets}>{(one) => <option value={one.name} selected={one.name === props.value}>{titleOfSystem(one)}</option>}</For>
            </optgroup>
          )}
        </For>
        <For each={Object.entries(props.more ?? {})}>{([value, title]) => <option value={value} selected={value === props.value}>{title}</option>}</For>
      </select>
    </div>
  );
}
