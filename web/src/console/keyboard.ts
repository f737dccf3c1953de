// The guest's keyboard. What is typed here goes to it by the place of the key, or, if the layout that is set inside the
// guest is known, by character: then the key goes down that has the character there. The guest's Shift is as that key needs
// it while it is held, and as the Shift here when no such key is held.
import { layouts, type Layout, type Stroke } from "./layouts";

export type Send = (keysym: number, code: string, down: boolean) => void;

// X11's keysyms, which go along with the places: QEMU looks at them to keep Caps Lock in step.
export const keysyms = {
  BackSpace: 0xff08, Tab: 0xff09, Return: 0xff0d, Escape: 0xff1b, Left: 0xff51, Up: 0xff52, Right: 0xff53, Down: 0xff54, Print: 0xff61, Delete: 0xffff,
  F1: 0xffbe, Shift_L: 0xffe1, Control_L: 0xffe3, Alt_L: 0xffe9, Super_L: 0xffeb, Zenkaku_Hankaku: 0xff2a, Henkan: 0xff23, Muhenkan: 0xff22, Hiragana_Katakana: 0xff27,
} as const;
const LEVEL3 = new Set([0xfe03, 0xff7e]); // AltGr and what macOS has in its place: they only choose the character

const NO_SHIFT: ReadonlyMap<string, number> = new Map();
const ONE_SHIFT: ReadonlyMap<string, number> = new Map([["ShiftLeft", keysyms.Shift_L]]);

const isShift = (code: string) => code === "ShiftLeft" || code === "ShiftRight";

// Keysyms of Latin-1 are the characters' own numbers.
const characterOf = (keysym: number) => ((keysym >= 0x20 && keysym < 0x7f) || keysym === 0xa5 ? String.fromCharCode(keysym) : undefined);
const keysymOf = (character: string) => character.codePointAt(0)!;

// Caps Lock, which QEMU sees to, and a space want Shift as it is.
const keepsShift = (character: string) => /[a-z ]/i.test(character);

const named: Record<string, readonly [keysym: number, code: string]> = { "\n": [keysyms.Return, "Enter"], "\t": [keysyms.Tab, "Tab"] };

// What of a text has no key in the layout, each once.
export function lacking(text: string, layout: Layout): string[] {
  return [...new Set(text)].filter((character) => !named[character] && !layouts[layout].has(character));
}

export class Keyboard {
  layout: Layout | undefined;
  private held = new Map<string, number>(); // Shift keys that are held here
  private shifts = new Map<string, number>(); // Shift keys that are down in the guest
  private strokes = new Map<string, readonly [Stroke, number]>(); // by the key that is held here: what is down for it
  private others = new Map<string, number>(); // what is down as it came

  constructor(private readonly send: Send) {}

  key(keysym: number, code: string, down: boolean): void {
    if (isShift(code)) this.shift(keysym, code, down);
    else if (down) this.press(keysym, code);
    else this.release(keysym, code);
  }

  // A character by itself; the number of events that it took.
  type(character: string, layout: Layout): number {
    const [keysym, code] = named[character] ?? [keysymOf(character), layouts[layout].get(character)!.code];
    const shift = layouts[layout].get(character)?.shift ? ONE_SHIFT : NO_SHIFT;
    this.setShifts(shift);
    this.tap(keysym, code);
    this.setShifts(NO_SHIFT);
    return 2 + 2 * shift.size;
  }

  // Keys that are held together, the last first let go.
  combination(keys: readonly (readonly [keysym: number, code: string])[]): void {
    for (const [keysym, code] of keys) this.send(keysym, code, true);
    for (const [keysym, code] of [...keys].reverse()) this.send(keysym, code, false);
  }

  // Nothing is held any more: who has gone elsewhere lets go there.
  releaseAll(): void {
    for (const code of [...this.strokes.keys(), ...this.others.keys()]) this.release(0, code);
    this.held.clear();
    this.setShifts(NO_SHIFT);
  }

  private tap(keysym: number, code: string): void {
    this.send(keysym, code, true);
    this.send(keysym, code, false);
  }

  private shift(keysym: number, code: string, down: boolean): void {
    if (down) this.held.set(code, keysym);
    else this.held.delete(code);
    if (this.strokes.size === 0) this.setShifts(this.held);
  }

  private press(keysym: number, code: string): void {
    const character = this.layout && characterOf(keysym);
    const stroke = character === undefined ? undefined : layouts[this.layout!].get(character);
    if (stroke) {
      const asHeld = stroke.shift && this.held.size > 0 ? this.held : stroke.shift ? ONE_SHIFT : NO_SHIFT;
      this.setShifts(keepsShift(character!) && code !== "Unidentified" ? this.held : asHeld);
      this.strokes.set(code, [stroke, keysym]);
      this.send(keysym, stroke.code, true);
    } else if (!this.layout || !LEVEL3.has(keysym)) {
      this.setShifts(this.held);
      this.others.set(code, keysym);
      this.send(keysym, code, true);
    }
  }

  private release(keysym: number, code: string): void {
    const typed = this.strokes.get(code);
    if (typed) {
      this.strokes.delete(code);
      this.send(typed[1], typed[0].code, false);
      if (this.strokes.size === 0) this.setShifts(this.held);
    } else if (this.others.has(code)) {
      this.send(keysym || this.others.get(code)!, code, false);
      this.others.delete(code);
    }
  }

  private setShifts(wanted: ReadonlyMap<string, number>): void {
    for (const [code, keysym] of this.shifts) if (!wanted.has(code)) this.send(keysym, code, false);
    for (const [code, keysym] of wanted) if (!this.shifts.has(code)) this.send(keysym, code, true);
    this.shifts = new Map(wanted);
  }
}

// QEMU hands a key event on 10 ms after the one before (key-delay-ms of its VNC server); some 340 may wait for that, and what
// comes then is lost, as is what the queue of a PS/2 keyboard has no room for: 16 bytes, of which a key takes up to three. At
// 15 ms an event nothing gathers in the one, and the other has room for a guest that is busy for a tenth of a second.
const EVENT_MS = 15;

// Types the text, unless `stop` says that it is enough; `progress` gets the number of characters that are done.
export async function typeText(keyboard: Keyboard, text: string, layout: Layout, stop?: AbortSignal, progress?: (done: number) => void): Promise<void> {
  const characters = [...text];
  let due = performance.now();
  for (let done = 0; done < characters.length && !stop?.aborted; ) {
    const events = keyboard.type(characters[done]!, layout);
    done++;
    progress?.(done);
    due = Math.max(due + events * EVENT_MS, performance.now());
    await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
  }
}
