// What is asked, in three forms: as the page keeps it, as the address holds it, as the server takes it.
//
// A term is {kind: "text" | "id" | "upload", value, name, sign: 1 | -1, weight}; an upload's value is its key in
// pictures.js. In the address a term is plus=sad+cat, minus*0.5=hat, like=ID, unlike=ID, picture=KEY~name: the sign and
// the kind, a weight where it is not the usual one, and the value.

export const FACETS = ["language", "label", "split", "source"];
const RANGES = ["min.width", "min.height", "min.ingested", "max.ingested", "max.unsafe"];
export const SIZES = [24, 48, 96];
const NAMES = { plus: ["text", 1], minus: ["text", -1], like: ["id", 1], unlike: ["id", -1], picture: ["upload", 1], "other.picture": ["upload", -1] };
const DAY_MS = 86_400_000;

/** Returns a question that asks nothing. */
export const nothing = () => ({
  terms: [], is: {}, ranges: {}, score: null, k: SIZES[0], group: true, model: null, versus: null, page: 1, at: [],
});

/** Returns the weight of a term that says none, as the server told it. */
export const usualWeight = (kind, info) => (kind === "text" ? info.text_weight : info.image_weight);

/** Returns a question as the query string of an address, "" for one that asks nothing. */
export function toAddress(question, info) {
  const address = new URLSearchParams();
  for (const { kind, value, name, sign, weight } of question.terms) {
    const [key] = Object.entries(NAMES).find(([, [itsKind, itsSign]]) => itsKind === kind && itsSign === sign);
    const usual = weight === usualWeight(kind, info);
    address.append(usual ? key : `${key}*${weight}`, kind === "upload" ? `${value}~${name}` : value);
  }
  for (const field of FACETS) for (const value of question.is[field] ?? []) address.append(`is.${field}`, value);
  for (const range of RANGES) if (question.ranges[range]) address.append(range, question.ranges[range]);
  if (question.score !== null) address.append("score", question.score);
  if (question.k !== SIZES[0]) address.append("k", question.k);
  if (!question.group) address.append("group", "no");
  if (question.model) address.append("model", question.model);
  if (question.versus) address.append("versus", question.versus);
  if (question.page > 1) {
    address.append("page", question.page);
    for (const token of question.at) address.append("at", token ?? "");
  }
  return address.toString();
}

/** Returns the question of an address's query string; what it does not understand it leaves out. */
export function fromAddress(text, info) {
  const question = nothing();
  for (const [key, value] of new URLSearchParams(text)) {
    const [name, heavy] = key.split("*");
    if (Object.hasOwn(NAMES, name) && value.trim()) question.terms.push(term(NAMES[name], heavy, value, info));
    else if (key.startsWith("is.") && FACETS.includes(key.slice(3))) (question.is[key.slice(3)] ??= []).push(value);
    else if (RANGES.includes(key)) question.ranges[key] = value;
    else if (key === "score" && isFinite(value) && value) question.score = Number(value);
    else if (key === "k" && SIZES.includes(Number(value))) question.k = Number(value);
    else if (key === "group") question.group = value !== "no";
    else if (key === "model" || key === "versus") question[key] = value;
    else if (key === "page" && Number(value) > 1) question.page = Math.floor(Number(value));
    else if (key === "at") question.at.push(value || null);
  }
  return question.at.length ? question : { ...question, page: 1 };
}

function term([kind, sign], heavy, value, info) {
  const weight = Number(heavy) > 0 && isFinite(heavy) ? Number(heavy) : usualWeight(kind, info);
  if (kind !== "upload") return { kind, value, name: value, sign, weight };
  const cut = value.indexOf("~");
  return { kind, value: cut < 0 ? value : value.slice(0, cut), name: cut < 0 ? "picture" : value.slice(cut + 1), sign, weight };
}

/**
 * Returns a question as POST /api/search takes it.
 *
 * `side` is 0 for the first model and 1 for the one beside it; `encodedPicture` gives an upload's base64, or throws.
 */
export function toRequest(question, side, encodedPicture) {
  const terms = question.terms.map(({ kind, value, sign, weight }) => {
    const what = kind === "upload" ? { image: encodedPicture(value) } : { [kind]: value };
    return { ...what, sign, weight };
  });
  const where = conditions(question);
  return {
    terms,
    where: where.length ? { and: where } : null,
    k: question.k,
    page: question.at[side] ?? null,
    min_score: question.score,
    group: question.group,
    model: side ? question.versus : question.model,
  };
}

function conditions({ is, ranges }) {
  const found = FACETS.filter((field) => is[field]?.length).map((field) => {
    const values = is[field];
    return values.length === 1 ? { field, op: "==", value: values[0] } : { field, op: "in", value: values };
  });
  for (const range of RANGES) {
    if (!ranges[range]) continue;
    const [end, field] = range.split(".");
    if (field === "ingested") found.push({ field, op: end === "min" ? ">=" : "<", value: moment(ranges[range], end) });
    else found.push({ field, op: end === "min" ? ">=" : "<=", value: Number(ranges[range]) });
  }
  return found;
}

function moment(day, end) {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  return isNaN(midnight) ? day : new Date(midnight + (end === "max" ? DAY_MS : 0)).toISOString();
}

/** Returns how many filters a question sets. */
export const filterCount = ({ is, ranges, score }) =>
  FACETS.filter((field) => is[field]?.length).length + RANGES.filter((range) => ranges[range]).length + (score === null ? 0 : 1);
