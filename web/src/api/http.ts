// Requests to the API, with the session's cookie and its CSRF token; docs/api.md says what may come back.
import { createSignal } from "solid-js";
import type { List, Plan, Self } from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field?: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

// Who is signed in: undefined until that is known, null for nobody.
const [self, setSelf] = createSignal<Self | null | undefined>(undefined);
// The session of who is signed in has ended: what is asked meanwhile waits until that person has signed in again.
const [expired, setExpired] = createSignal(false);
export { expired, self };

let again: Promise<void> | undefined;
let goOn: () => void = () => undefined;

function sessionAgain(): Promise<void> {
  again ??= new Promise((resolve) => (goOn = resolve));
  setExpired(true);
  return again;
}

export interface Answer<T> {
  status: number;
  body: T;
  rev?: string; // the document's revision, for if-match
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface Options {
  body?: unknown;
  rev?: string | number; // refuse if somebody else was faster
  key?: string; // Idempotency-Key
  signal?: AbortSignal;
}

export const root = "/api/v1";

export async function ask<T>(method: Method, path: string, options: Options = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = {};
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.rev !== undefined) headers["if-match"] = `"${options.rev}"`;
  if (options.key) headers["idempotency-key"] = options.key;
  const csrf = self()?.csrf;
  if (method !== "GET" && csrf) headers["x-csrf-token"] = csrf;
  let response: Response;
  let text: string;
  try {
    response = await fetch(root + path, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: "same-origin",
    });
    text = await response.text();
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError(0, "unreachable", "unreachable");
  }
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    throw new ApiError(response.status, "unreadable", text.slice(0, 200));
  }
  if (!response.ok) {
    const error = (body as { error?: { code: string; message: string; field?: string; hint?: string } }).error;
    if (response.status === 401 && path !== "/session" && self()) {
      await sessionAgain();
      return ask(method, path, options);
    }
    throw new ApiError(response.status, error?.code ?? "unknown", error?.message ?? response.statusText, error?.field, error?.hint);
  }
  return { status: response.status, body: body as T, rev: response.headers.get("etag")?.replace(/^"|"$/g, "") };
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask<T>("GET", path, { signal })).body;
}

// All pages of a list, as far as `most` items.
export async function getAll<T>(path: string, most = 10000): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const query = `${path.includes("?") ? "&" : "?"}limit=1000${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`;
    const page = await get<List<T>>(path + query);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined && items.length < most);
  return items;
}

export async function plan(method: Method, path: string, body?: unknown): Promise<Plan> {
  return (await ask<{ plan: Plan }>(method, `${path}${path.includes("?") ? "&" : "?"}plan=1`, { body })).body.plan;
}

export async function signIn(user: string, password: string): Promise<void> {
  const before = self()?.user;
  await ask("POST", "/session", { body: { user, password } });
  await learnSelf();
  // Somebody else sees other things, and does not do what the one before has begun.
  if (before !== undefined && before !== user) return location.assign("/");
  setExpired(false);
  again = undefined;
  goOn();
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/session").catch((error: unknown) => {
    if (!expired() && !(error instanceof ApiError && error.status === 401)) throw error; // otherwise there is none any more
  });
  setExpired(false);
  again = undefined;
  setSelf(null);
}

export async function learnSelf(): Promise<void> {
  try {
    setSelf(await get<Self>("/session"));
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
    if (self()) void sessionAgain();
    else setSelf(null);
  }
}

// Whether a privilege is held at a path or at one above it. What a tag grants only the daemon knows for a guest; so this
// answers "perhaps" as yes where a tag is granted, and the daemon has the last word.
export function may(privilege: string, path = "/"): boolean {
  const rights = self()?.rights ?? [];
  return rights.some(
    (right) =>
      (right.privileges as readonly string[]).includes(privilege) &&
      (right.path === "/" || path === right.path || path.startsWith(`${right.path}/`) ||
        (path.startsWith("/vms") && right.path.startsWith("/tags/"))),
  );
}
