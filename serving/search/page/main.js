// The page: holds the question, keeps it in the address, asks the server and shows what comes back.

import { composer } from "./composer.js";
import { counted, h } from "./dom.js";
import { filterRow } from "./filters.js";
import { hitView } from "./hit_view.js";
import { closeMenus, replaceMenus } from "./menus.js";
import { askedModels, modelChoices } from "./models.js";
import { encodedPicture, keepPicture } from "./pictures.js";
import { fromAddress, nothing, toAddress, toRequest, usualWeight } from "./question.js";
import { columns, downloads, failure, pages, save, summary, waiting } from "./results.js";
import { Refusal, getInfo, search, searchParquet } from "./server.js";
import { hints } from "./start.js";
import { themeButton } from "./theme_choice.js";

const KEPT_ANSWERS = 30; // so that Back shows at once what was there
const QUIET_MS = 150; // a faster answer does not dim what is shown

const at = (id) => document.getElementById(id);
const kept = new Map(); // address -> answers
const seen = new Map(); // id -> hit, for the names of terms
let info = null;
let question = nothing();
let answers = [];
let running = null;
let openHit = null; // {side, id}

const box = composer({
  text: (words, sign) => add({ kind: "text", value: words, name: words, sign, weight: usualWeight("text", info) }),
  files: takeFiles,
  again: () => answer(location.search.slice(1), true),
  terms: (terms) => ask({ terms }),
  clear: () => {
    ask({ ...nothing(), model: question.model });
    box.focus();
  },
});
const view = hitView({ closed: () => leaveHit(), step: stepHit, ask: askLike });

begin();

async function begin() {
  if (location.search) document.body.dataset.view = "results";
  at("composer").append(box.element);
  at("tools").append(themeButton());
  document.body.append(view.element);
  closeMenus();
  addEventListener("keydown", pressed);
  addEventListener("popstate", () => follow());
  await connect();
}

async function connect() {
  try {
    info = await getInfo();
  } catch (error) {
    at("results").replaceChildren(failure(error, question, connect, ask));
    return busy(false);
  }
  at("welcome").querySelector("h1").textContent = `Search ${counted(info.count, "picture")}`;
  follow();
  return question.terms.length || box.focus();
}

const busy = (isBusy) => at("results").setAttribute("aria-busy", isBusy);

/** Asks with parts of the question changed, from its first page, as a new entry of the browser's history. */
function ask(part) {
  go({ ...question, page: 1, at: [], ...part }, []);
}

function add(...terms) {
  ask({ terms: [...question.terms, ...terms] });
}

async function takeFiles(files) {
  const read = await Promise.allSettled(files.map((file) => keepPicture(file, usualWeight("upload", info))));
  const terms = read.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  const unread = files.filter((file, place) => read[place].status === "rejected").map(({ name }) => name);
  if (terms.length) add(...terms);
  if (unread.length) say(`${unread.join(", ")} cannot be read; give a picture’s file, not a folder.`);
}

/** Says a sentence below the box; the next question takes it away. */
function say(sentence) {
  at("said").textContent = sentence;
}

function go(asked, trail) {
  say("");
  const address = toAddress(asked, info);
  if (address !== location.search.slice(1)) history.pushState({ trail }, "", address ? `?${address}` : location.pathname);
  follow();
}

/** Shows what the address asks. */
async function follow() {
  if (info === null) return;
  const address = location.search.slice(1);
  const asked = fromAddress(address, info);
  const isNew = toAddress(asked, info) !== toAddress(question, info) || !answers.length;
  question = asked;
  nameTerms();
  drawQuestion();
  if (isNew) await answer(address);
  followHit();
}

function nameTerms() {
  for (const term of question.terms) if (term.kind === "id") term.name = seen.get(term.value)?.caption || "this picture";
}

function drawQuestion() {
  const isStart = !question.terms.length;
  document.body.dataset.view = isStart ? "start" : "results";
  document.title = isStart ? "align search" : `${question.terms.map(({ name, sign }) => (sign < 0 ? `−${name}` : name)).join(" + ")} · align search`;
  box.draw(question.terms);
  at("hints").replaceChildren(isStart ? hints(info, (words) => add({ kind: "text", value: words, name: words, sign: 1, weight: usualWeight("text", info) })) : "");
  replaceMenus(at("filters"), isStart ? h("div") : filterRow(question, info, ask));
}

async function answer(address, isAgain = false) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  busy(true);
  if (!question.terms.length) {
    answers = [];
    draw();
    return busy(false);
  }
  const dimming = setTimeout(() => at("results").classList.add("old"), QUIET_MS);
  if (!answers.length) at("results").replaceChildren(waiting());
  try {
    if (!kept.has(address) || isAgain) keep(address, await Promise.all(requests().map((request) => search(request, signal))));
    answers = kept.get(address);
    nameTerms();
    box.draw(question.terms);
    draw();
  } catch (error) {
    if (error.name === "AbortError") return null;
    answers = [];
    at("tally").textContent = "";
    at("bar-tools").replaceChildren();
    at("pages").replaceChildren();
    at("results").replaceChildren(failure(error, question, () => answer(address, true), ask));
  } finally {
    clearTimeout(dimming);
    if (running.signal === signal) {
      at("results").classList.remove("old");
      busy(false);
    }
  }
  return null;
}

function requests() {
  return (question.versus ? [0, 1] : [0]).map((side) =>
    toRequest(question, side, (key) => {
      const encoded = encodedPicture(key);
      if (encoded !== null) return encoded;
      const { name } = question.terms.find(({ value }) => value === key);
      throw new Refusal(`This search began with an uploaded picture, ${name}, which the address does not carry. Take it out, and drop the picture here again.`, false);
    }),
  );
}

function keep(address, made) {
  kept.delete(address);
  kept.set(address, made);
  if (kept.size > KEPT_ANSWERS) kept.delete(kept.keys().next().value);
  for (const { hits } of made) for (const hit of hits) seen.set(hit.id, hit);
}

function draw() {
  const isEmpty = !answers.length;
  at("tally").textContent = isEmpty ? "" : summary(answers, question);
  at("results").replaceChildren(isEmpty ? "" : columns(answers, question, askedModels(question, info), showHit, ask));
  const choices = isEmpty ? null : modelChoices(question, info, ask);
  replaceMenus(at("bar-tools"), isEmpty ? h("div") : h("div", { classes: "bar-tools" }, choices ?? "", downloads(saveJson, saveParquet)));
  const trail = history.state?.trail ?? [];
  at("pages").replaceChildren((!isEmpty && pages(answers, question, trail, turn)) || "");
}

function turn(tokens, page, trail) {
  go({ ...question, at: tokens, page }, trail);
  at("results").scrollIntoView({ block: "start" });
  at("tally").focus({ preventScroll: true });
}

function saveJson() {
  const whole = { question: requests().map(({ terms, ...rest }) => ({ ...rest, terms: terms.map((term, place) => ("image" in term ? { ...term, image: question.terms[place].name } : term)) })), answers };
  save(new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" }), "hits.json");
}

async function saveParquet() {
  try {
    const names = askedModels(question, info);
    for (const [side, request] of requests().entries()) save(await searchParquet(request), question.versus ? `hits of ${names[side]}.parquet` : "hits.parquet");
  } catch (error) {
    say(error.message);
  }
}

// The hit that is open stands in the address behind the hash, so that Back closes it and a link shows it.

function showHit(side, place) {
  const { id } = answers[side].hits[place];
  history.pushState({ ...history.state, isHit: true }, "", `#${side ? "beside-" : ""}hit-${encodeURIComponent(id)}`);
  followHit();
}

function stepHit(by) {
  const { hits } = answers[openHit.side];
  const next = hits[hits.findIndex(({ id }) => id === openHit.id) + by];
  if (!next) return;
  history.replaceState(history.state, "", `#${openHit.side ? "beside-" : ""}hit-${encodeURIComponent(next.id)}`);
  followHit();
}

function leaveHit() {
  if (history.state?.isHit) return history.back();
  history.replaceState(history.state, "", location.pathname + location.search);
  return followHit();
}

function followHit() {
  const [, beside, encoded] = location.hash.match(/^#(beside-)?hit-(.+)$/) ?? [];
  const side = beside ? 1 : 0;
  const place = encoded ? (answers[side]?.hits ?? []).findIndex(({ id }) => encodeURIComponent(id) === encoded) : -1;
  if (place >= 0) {
    const hit = answers[side].hits[place];
    openHit = { side, id: hit.id };
    return view.show(hit, (question.page - 1) * question.k + place + 1, question.terms);
  }
  view.hide();
  if (openHit) document.querySelectorAll(".column")[openHit.side]?.querySelector(`[data-id="${CSS.escape(openHit.id)}"]`)?.focus();
  openHit = null;
  return null;
}

function askLike(hit, how) {
  const term = { kind: "id", value: hit.id, name: hit.caption || hit.id, sign: how === "minus" ? -1 : 1, weight: usualWeight("id", info) };
  openHit = null;
  view.hide();
  ask({ terms: how === "like" ? [term] : [...question.terms, term] });
  scrollTo(0, 0);
}

function pressed(event) {
  const isWriting = event.target.closest("input:not([type=checkbox], [type=range]), select, textarea");
  if (event.key === "/" && !isWriting && !view.element.open && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    box.focus();
    scrollTo(0, 0);
  } else if (event.key === "ArrowDown" && event.target.id === "words") {
    document.querySelector("button.tile")?.focus();
  }
}
