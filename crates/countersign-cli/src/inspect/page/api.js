// The program's API. Every error that comes out of here is a sentence for people.

async function call(method, path, body) {
  const headers = method === "GET" ? {} : { "X-Countersign-Inspector": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Error("The program cannot be reached. Is `countersign listen` still running?");
  }
  if (answer.status === 401) {
    location.assign("/login");
    throw new Error("The inspector asks for its token.");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  const error = new Error(
    typeof said?.error === "string" ? said.error : `The program answered ${answer.status}.`,
  );
  error.status = answer.status;
  throw error;
}

const json = async (answer) => {
  try {
    return await (await answer).json();
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error("The program's answer cannot be read.");
    throw error;
  }
};

export const info = () => json(call("GET", "/api/info"));
export const detail = (number) => json(call("GET", `/api/deliveries/${number}`));
export const why = (number) => json(call("GET", `/api/deliveries/${number}/why`));
export const copy = (number, as) => call("GET", `/api/deliveries/${number}/copy?as=${as}`);
export const replay = (number, how) => json(call("POST", `/api/deliveries/${number}/replay`, how));
export const reloadSecrets = () => json(call("POST", "/api/reload", {}));
export const clear = () => call("DELETE", "/api/deliveries");

/** A page of summaries, the newest first, older than `before`. */
export function list(limit, before) {
  const older = before === undefined ? "" : `&before=${before}`;
  return json(call("GET", `/api/deliveries?limit=${limit}${older}`));
}
