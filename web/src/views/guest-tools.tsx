// The inside of a guest, by its agent: file systems, system, users; its clock, freezing, trimming, passwords; a command with
// its output; files in and out.
import { createSignal, For, Match, onCleanup, Show, Switch, type JSX } from "solid-js";
import { ApiError, ask, get, may, root, self } from "../api/http";
import { reading } from "../api/read";
import type { GuestCommand, GuestFilesystem, GuestInfo, GuestTime, List, Vm } from "../api/types";
import { t } from "../i18n";
import { percent, size, when } from "../i18n/units";
import { Dialog } from "../ui/dialog";
import { ErrorBox } from "../ui/errors";
import { Meter } from "../ui/state";
import { agentTask } from "../ui/frozen";
import { tellDone, tellFailed } from "../ui/toasts";

const OUTPUT_SHOWN = 1 << 20; // letters; what came before is left out

// Its agent does nothing then but thaw.
const isFrozen = (vm: Vm) => !!vm.status.agent.frozen_until;
const secondsText = (ms: number | null | undefined) => ((Math.round((ms ?? 0) / 100) || 0) / 10).toFixed(1); // no -0.0

function Filesystems(props: { vm: Vm }): JSX.Element {
  const list = reading(() => (isFrozen(props.vm) ? undefined : `/vms/${props.vm.id}/guest/filesystems`), (path) => get<List<GuestFilesystem>>(path));
  return (
    <section class="card">
      <header><h2>{t("filesystems")}</h2><button type="button" disabled={isFrozen(props.vm)} onClick={list.again}>{t("refresh")}</button></header>
      <ErrorBox error={list.error} />
      <For each={list.value?.items} fallback={<Show when={!list.error}><p class="quiet">{isFrozen(props.vm) ? t("guest_frozen_agent") : list.loading ? t("loading") : t("filesystems_none")}</p></Show>}>
        {(one) => {
          const used = () => (one.total ? (one.used ?? 0) / one.total : 0);
          return (
            <div class="stack close">
              <div class="line apart"><strong class="mono">{one.mountpoint}</strong><span class="quiet small">{one.device} · {one.type}{one.disks.length ? ` · ${one.disks.join(", ")}` : ""}</span></div>
              <Show when={one.total}>
                <Meter label={one.mountpoint} part={used()} level={used() > 0.95 ? "bad" : used() > 0.85 ? "warn" : undefined} />
                <div class="line apart quiet small"><span>{size(one.used)} / {size(one.total)}</span><span>{percent(used())}</span></div>
              </Show>
            </div>
          );
        }}
      </For>
    </section>
  );
}

function PasswordDialog(props: { vm: Vm; close: () => void }): JSX.Element {
  const [user, setUser] = createSignal("root");
  const [failed, setFailed] = createSignal<unknown>();
  let first: HTMLInputElement | undefined;
  let second: HTMLInputElement | undefined;
  const give = async (event: Event) => {
    event.preventDefault();
    if (first!.value !== second!.value) return setFailed(new Error(t("password_differs")));
    try {
      await ask("POST", `/vms/${props.vm.id}/guest/password`, { body: { user: user(), password: first!.value } });
      tellDone(t("password_set"));
      props.close();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog title={t("guest_password")} class="narrow" close={props.close}>
      <form class="stack" onSubmit={(event) => void give(event)}>
        <label class="field"><span>{t("user")}</span><input value={user()} required maxLength={64} autocomplete="off" onInput={(event) => setUser(event.currentTarget.value)} /></label>
        <label class="field"><span>{t("password_new")}</span><input ref={first} type="password" autocomplete="new-password" required maxLength={256} /></label>
        <label class="field"><span>{t("password_repeat")}</span><input ref={second} type="password" autocomplete="new-password" required /></label>
        <ErrorBox error={failed()} />
        <div class="buttons"><button type="button" onClick={() => props.close()}>{t("cancel")}</button><button class="main-action">{t("apply")}</button></div>
      </form>
    </Dialog>
  );
}

function System(props: { vm: Vm }): JSX.Element {
  const info = reading(() => (isFrozen(props.vm) ? undefined : `/vms/${props.vm.id}/guest`), (path) => get<GuestInfo>(path));
  const [asking, setAsking] = createSignal(false);
  const off = (tool: string) => isFrozen(props.vm) || !!info.value?.disabled.includes(tool);
  const syncTime = async () => {
    try {
      const clock = (await ask<GuestTime>("POST", `/vms/${props.vm.id}/guest/sync-time`)).body;
      tellDone(t("guest_time_set", { before: secondsText(clock.before_ms), after: secondsText(clock.after_ms) }));
      info.again();
    } catch (error) {
      tellFailed(t("guest_sync_time"), error);
    }
  };
  return (
    <section class="card">
      <header><h2>{t("guest_system")}</h2><button type="button" disabled={isFrozen(props.vm)} onClick={info.again}>{t("refresh")}</button></header>
      <ErrorBox error={info.error} />
      <Show when={isFrozen(props.vm)}><p class="quiet">{t("guest_frozen_agent")}</p></Show>
      <Show when={info.value}>
        {(inside) => (
          <dl class="facts">
            <dt>{t("guest_os")}</dt><dd>{inside().os.name ?? inside().os.id ?? "–"}</dd>
            <dt>{t("guest_kernel")}</dt><dd>{inside().os.kernel ?? "–"} {inside().os.machine ?? ""}</dd>
            <dt>{t("guest_hostname")}</dt><dd>{inside().hostname ?? "–"}</dd>
            <dt>{t("guest_timezone")}</dt><dd>{inside().timezone ?? "–"}</dd>
            <dt>{t("guest_clock")}</dt><dd>{inside().clock_ahead_ms == null ? "–" : `${secondsText(inside().clock_ahead_ms)} s`}</dd>
            <dt>{t("guest_users")}</dt><dd><For each={inside().users} fallback="–">{(user) => <div>{user.name} <span class="quiet small">{user.since ? when(user.since) : ""}</span></div>}</For></dd>
            <Show when={inside().disabled.length}><dt>{t("guest_disabled")}</dt><dd>{inside().disabled.join(", ")}</dd></Show>
          </dl>
        )}
      </Show>
      <div class="line">
        <button type="button" disabled={off("time")} onClick={() => void syncTime()}>{t("guest_sync_time")}</button>
        <button type="button" disabled={off("trim")} onClick={() => void agentTask(props.vm, "trim")}>{t("guest_trim")}</button>
        <button type="button" disabled={off("freeze")} title={t("guest_freeze_text")} onClick={() => void agentTask(props.vm, "freeze")}>{t("guest_freeze")}</button>
        <button type="button" disabled={off("password")} onClick={() => setAsking(true)}>{t("guest_password")}…</button>
      </div>
      <Show when={asking()}><PasswordDialog vm={props.vm} close={() => setAsking(false)} /></Show>
    </section>
  );
}

interface Said {
  out?: string;
  err?: string;
  end?: { code: number | null; signal: number | null; why: string | null; cut: boolean };
  error?: { code: string; message: string; hint?: string };
}

const bytesOf = (coded: string) => Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));

function Command(props: { vm: Vm }): JSX.Element {
  const [line, setLine] = createSignal("");
  const [output, setOutput] = createSignal("");
  const [outcome, setOutcome] = createSignal("");
  const [failed, setFailed] = createSignal<unknown>();
  const [socket, setSocket] = createSignal<WebSocket>();
  onCleanup(() => socket()?.close());
  const take = (event: Said) => {
    if (event.error) setFailed(new ApiError(0, event.error.code, event.error.message, undefined, event.error.hint));
    if (event.end)
      setOutcome(event.end.why ? t("guest_command_ended", { why: event.end.why }) : event.end.signal ? t("guest_command_signal", { signal: String(event.end.signal) }) : t("guest_command_code", { code: String(event.end.code ?? "?") }));
  };
  const run = async (event: Event) => {
    event.preventDefault();
    setOutput("");
    setOutcome("");
    setFailed(undefined);
    try {
      // As a person writes it: the shell of the guest reads the line.
      const begun = (await ask<GuestCommand>("POST", `/vms/${props.vm.id}/guest/exec`, { body: { command: ["/bin/sh", "-c", line()] } })).body;
      const mine = new WebSocket(`wss://${location.host}${root}/vms/${props.vm.id}/guest/exec/${encodeURIComponent(begun.id)}/follow`);
      const decoders = { out: new TextDecoder(), err: new TextDecoder() };
      setSocket(mine);
      mine.onmessage = (message) => {
        const said = JSON.parse(message.data as string) as Said;
        const text = said.out ? decoders.out.decode(bytesOf(said.out), { stream: true }) : said.err ? decoders.err.decode(bytesOf(said.err), { stream: true }) : "";
        if (text) setOutput((output() + text).slice(-OUTPUT_SHOWN));
        take(said);
      };
      mine.onclose = () => {
        setSocket(undefined);
        if (!outcome() && !failed()) setOutcome(t("guest_command_lost"));
      };
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <section class="card">
      <header><h2>{t("guest_command")}</h2></header>
      <form class="line" onSubmit={(event) => void run(event)}>
        <input class="mono wide-input" aria-label={t("guest_command")} placeholder="uptime" required spellcheck={false} autocomplete="off" value={line()} onInput={(event) => setLine(event.currentTarget.value)} />
        <Show when={socket()} fallback={<button class="main-action" disabled={isFrozen(props.vm)}>{t("guest_run")}</button>}>
          <button type="button" class="danger" onClick={() => socket()?.close()}>{t("guest_end")}</button>
        </Show>
      </form>
      <Show when={output()}><pre class="log" tabindex="0" aria-live="polite">{output()}</pre></Show>
      <Show when={outcome()}><p class="quiet">{outcome()}</p></Show>
      <ErrorBox error={failed()} />
    </section>
  );
}

// What the API says is in the way; a proxy may have words of its own.
function refusal(status: number, text: string): ApiError {
  let error: { code?: string; message?: string; hint?: string } = {};
  try {
    error = (JSON.parse(text) as { error?: typeof error }).error ?? {};
  } catch {
    error = { message: text.slice(0, 200) };
  }
  return new ApiError(status, error.code ?? "unknown", error.message || String(status), undefined, error.hint);
}

function Files(props: { vm: Vm }): JSX.Element {
  const [path, setPath] = createSignal("");
  const [part, setPart] = createSignal<number>();
  const [failed, setFailed] = createSignal<unknown>();
  const place = () => `${root}/vms/${props.vm.id}/guest/file?path=${encodeURIComponent(path())}`;
  // What stands in the way is said here: a browser's list of downloads has no room for it.
  const download = async () => {
    setFailed(undefined);
    const trial = new AbortController();
    try {
      const answer = await fetch(place(), { credentials: "same-origin", signal: trial.signal });
      if (!answer.ok) throw refusal(answer.status, await answer.text());
    } catch (error) {
      return setFailed(error);
    } finally {
      trial.abort();
    }
    const link = document.createElement("a");
    link.href = place();
    link.download = path().split("/").pop() ?? "file";
    link.click();
  };
  const give = (file: File | undefined) => {
    if (!file) return;
    setFailed(undefined);
    setPart(0);
    const request = new XMLHttpRequest(); // fetch() tells no progress of what it sends
    request.open("POST", place());
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("x-csrf-token", self()?.csrf ?? "");
    request.upload.onprogress = (event) => setPart(event.loaded / Math.max(1, event.total));
    request.onload = () => {
      if (request.status === 200) return tellDone(t("guest_file_put", { name: file.name }));
      setFailed(refusal(request.status, request.responseText));
    };
    request.onerror = () => setFailed(new ApiError(0, "unreachable", "unreachable"));
    request.onloadend = () => setPart(undefined);
    request.send(file);
  };
  const absolute = () => !isFrozen(props.vm) && /^(\/|[A-Za-z]:)./.test(path());
  return (
    <section class="card">
      <header><h2>{t("guest_files")}</h2></header>
      <label class="field"><span>{t("guest_path")}</span><input class="mono" spellcheck={false} autocomplete="off" placeholder="/etc/hostname" value={path()} onInput={(event) => setPath(event.currentTarget.value)} /></label>
      <div class="line by-foot">
        <button type="button" disabled={!absolute()} onClick={() => void download()}>{t("download")}</button>
        <label class="field"><span>{t("guest_file_give")}</span><input type="file" disabled={!absolute() || part() !== undefined} onChange={(event) => (give(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} /></label>
      </div>
      <Show when={part() !== undefined}><Meter label={path()} part={part()} /></Show>
      <p class="quiet small">{t("guest_files_text")}</p>
      <ErrorBox error={failed()} />
    </section>
  );
}

export function GuestTools(props: { vm: Vm }): JSX.Element {
  return (
    <Switch>
      <Match when={!may("vm.guest", `/vms/${props.vm.id}`)}><p class="quiet">{t("guest_tools_right")}</p></Match>
      <Match when={props.vm.status.agent.state !== "connected"}><div class="box warn">{t("guest_tools_without")}</div></Match>
      <Match when={true}>
        <div class="columns"><System vm={props.vm} /><Filesystems vm={props.vm} /></div>
        <Command vm={props.vm} />
        <Files vm={props.vm} />
      </Match>
    </Switch>
  );
}
