// The time, for "3 min ago": one timer for all of the page.
import { createSignal } from "solid-js";

const [now, setNow] = createSignal(Date.now());
setInterval(() => document.hidden || setNow(Date.now()), 5000);
export { now };
