// Asks the server, and gives each failure as one sentence.

const BASE = new URL(".", document.baseURI);

/** A failure to say on the page; `retry` tells whether asking again may help. */
export class Refusal extends Error {
  constructor(sentence, retry) {
    super(sentence);
    this.retry = retry;
  }
}

/** Returns what the server says of its index, its models and its fields. */
export const getInfo = async () => (await ask("api/info")).json();

/** Returns the answer to a request of question.js. */
export const search = async (request, signal) => (await post("api/search", request, signal)).json();

/** Returns the hits of a request as a Parquet file. */
export const searchParquet = async (request) => (await post("api/search.parquet", request)).blob();

/** Returns the address of a picture, at most `size` pixels a side. A saved page has its pictures in itself. */
export function pictureAddress(path, size) {
  if (path.startsWith("data:")) return path;
  const address = new URL(path.replace(/^\//, ""), BASE);
  address.searchParams.set("size", size);
  return address.href;
}

/** Returns the path of an image by its id, as a hit's `image` has it. */
export const imagePath = (id) => `/api/images/${encodeURIComponent(id)}`;

const post = (path, body, signal) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

async function ask(path, options) {
  let response;
  try {
    response = await fetch(new URL(path, BASE), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(`The server at ${BASE.host} does not answer. Start it with align search, then try again.`, true);
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const sentence = typeof said.error === "string" ? said.error : `The server answered ${response.status} and no reason.`;
  throw new Refusal(sentence, response.status === 429 || response.status >= 500);
}
