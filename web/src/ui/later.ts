// Views whose code comes when it is wanted. While the node does not answer it is asked again; where it answers and has no
// such code, it has another version of the page, which is loaded then.
import { lazy, type Component } from "solid-js";

const WAIT = 1000; // milliseconds
const RELOAD_REST = 60_000;

function reloadOnce(error: unknown): Promise<never> {
  const last = Number(sessionStorage.getItem("reloaded") ?? 0);
  if (Date.now() - last < RELOAD_REST) throw error;
  sessionStorage.setItem("reloaded", String(Date.now()));
  location.reload();
  return new Promise(() => undefined);
}

export function later<T extends Component<any>>(load: () => Promise<{ default: T }>): T & { preload: () => Promise<{ default: T }> } {
  return lazy(async () => {
    for (let answered = false; ; ) {
      try {
        return await load();
      } catch (error) {
        if (answered) return reloadOnce(error);
        await new Promise((resolve) => setTimeout(resolve, WAIT));
        answered = await fetch("/", { cache: "no-store" }).then((found) => found.ok, () => false);
      }
    }
  });
}
