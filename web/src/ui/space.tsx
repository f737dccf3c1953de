// How full a storage is, or why that cannot be said.
import { Show, type JSX } from "solid-js";
import type { Storage } from "../api/types";
import { t } from "../i18n";
import { percent, size } from "../i18n/units";
import { Meter } from "./state";

// Full: the next write of a guest may find no room.
export const isFull = (storage: Storage): boolean => !!storage.space && storage.space.free < storage.space.total * 0.1;

export function Space(props: { storage: Storage }): JSX.Element {
  return (
    <Show when={props.storage.space} fallback={<div class="box bad">{props.storage.problem ?? t("unusable")}</div>}>
      {(space) => {
        const used = () => 1 - space().free / Math.max(1, space().total);
        return (
          <div class="stack close">
            <Meter label={props.storage.name} part={used()} level={isFull(props.storage) ? "bad" : used() > 0.8 ? "warn" : undefined} />
            <div class="line apart quiet small"><span>{t("free_of", { free: size(space().free), total: size(space().total) })}</span><span>{percent(used())}</span></div>
          </div>
        );
      }}
    </Show>
  );
}
