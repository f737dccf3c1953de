// Sends a file in parts, from where an interruption has left it; a part is a slice of the file, so memory stays flat.
import { ask, ApiError, root, self } from "./http";

const PART = 64 * 1024 * 1024;
const TRIES = 10; // in a row, some seconds apart

export interface Begun {
  id: string;
  offset: number;
}

export interface Progress {
  sent: number;
  total: number;
}

function sendPart(id: string, file: File, offset: number, tell: (sent: number) => void, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch() tells no progress of what it sends
    const part = file.slice(offset, Math.min(offset + PART, file.size));
    request.open("PATCH", `${root}/uploads/${id}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("upload-offset", String(offset));
    request.setRequestHeader("x-csrf-token", self()?.csrf ?? "");
    request.upload.onprogress = (event) => tell(offset + event.loaded);
    request.onload = () => {
      const arrived = request.getResponseHeader("upload-offset");
      if (request.status === 200) resolve(offset + part.size);
      else if (request.status === 409 && arrived) resolve(Number(arrived));
      else {
        let error: { code?: string; message?: string; hint?: string } = {};
        try {
          error = (JSON.parse(request.responseText) as { error?: typeof error }).error ?? {};
        } catch {
          // a proxy's own words
        }
        reject(new ApiError(request.status, error.code ?? "unknown", error.message ?? request.statusText, undefined, error.hint));
      }
    };
    request.onerror = () => reject(new ApiError(0, "unreachable", "unreachable"));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.onloadend = () => signal.removeEventListener("abort", stop);
    request.send(part);
  });
}

// Begins an upload, or goes on with one that has been left (`begun`); answers its id. Who gives it up takes it away; after
// any other failure what has arrived stays, and can be gone on with; `know` is told what that is.
export async function upload(file: File, tell: (progress: Progress) => void, signal: AbortSignal, begun: Begun | undefined, know: (begun: Begun) => void): Promise<string> {
  const id = begun?.id ?? (await ask<{ id: string }>("POST", "/uploads", { body: { size: file.size }, signal })).body.id;
  let offset = begun?.offset ?? 0;
  know({ id, offset });
  let tries = 0;
  while (offset < file.size) {
    try {
      offset = await sendPart(id, file, offset, (sent) => tell({ sent, total: file.size }), signal);
      know({ id, offset });
      tries = 0;
    } catch (error) {
      if (signal.aborted) await ask("DELETE", `/uploads/${id}`).catch(() => undefined);
      // Whose session has ended is asked to sign in by the question how far it got.
      const passing = error instanceof ApiError && [0, 401, 503, 504].includes(error.status);
      if (!passing || ++tries > TRIES || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 10000)));
      const found = await ask<{ offset: number }>("GET", `/uploads/${id}`).catch(() => undefined);
      if (found) offset = found.body.offset;
      know({ id, offset });
    }
  }
  return id;
}
