// The other side: a program that verifies and signs with countersign, and speaks JSON lines.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const PATIENCE_MS = 60_000;

export class Engine {
  #child;
  #waiting = new Map();
  #count = 0;
  #ended = null;

  constructor([program, ...args]) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (error) => this.#end(`the engine did not start: ${error.message}`));
    this.#child.on('exit', (code, signal) => this.#end(`the engine ended with ${signal ?? code}`));
    this.#child.stdin.on('error', () => {}); // its end is reported by `exit`
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answered(line));
  }

  verify(provider, delivery) {
    const { secrets, now, method, url, headers, body } = delivery;
    return this.#ask({ do: 'verify', provider, secrets, now, method, url, headers, body: body.toString('base64') });
  }

  sign(provider, secret, draft) {
    const { at, method, url, id, body } = draft;
    const now = Math.floor(at / 1000);
    return this.#ask({ do: 'sign', provider, secret, now, method, url, event_id: id, body: Buffer.from(body).toString('base64') });
  }

  samples(provider, secret, draft, headers) {
    const { at, method, url, body } = draft;
    const now = Math.floor(at / 1000);
    return this.#ask({ do: 'samples', provider, secret, now, method, url, headers: Object.entries(headers), body: Buffer.from(body).toString('base64') });
  }

  close() {
    this.#child.stdin.end();
  }

  #ask(request) {
    if (this.#ended !== null) return Promise.reject(new Error(this.#ended));
    const id = (this.#count += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to request ${id}`)), PATIENCE_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  #answered(line) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      return this.#end(`the engine wrote a line that is not JSON: ${line.slice(0, 200)}`);
    }
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    return waiting.resolve(answer);
  }

  #end(why) {
    this.#ended ??= why;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(this.#ended));
    }
    this.#waiting.clear();
  }
}
