// The channel's page: Server-Sent Events in, a conversation out. Texts of the bot are placed as text nodes only; their
// markup is rebuilt from the entities the sandbox has checked, never from HTML.
"use strict";

const ANSWER_WAIT_MS = 15_000;
const TOAST_MS = 3_500;
const AT_BOTTOM_PX = 60;
const place = (id) => document.getElementById(id);
const scroller = place("scroller");
const list = place("messages");
const items = new Map(); // message id -> its list item
const waiting = new Map(); // callback query id -> stops the button's spinner
const early = new Map(); // answers that came before the press was confirmed
const clock = { time: 0, speed: 1, open: false, read: 0 };
let unread = 0;
let toastTimer = 0;

// --- building -----------------------------------------------------------------------------------------------------

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const pad = (number) => String(number).padStart(2, "0");
const hourMinute = (seconds) => {
  const date = new Date(seconds * 1000);
  return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
};
const dayOf = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };

function wrap(entity, children) {
  if (entity.type === "text_link") return link(entity.url, children);
  if (entity.type === "spoiler") {
    const node = make("span", "spoiler", ...children);
    node.tabIndex = 0; // focus reveals it as well as a tap, so that a keyboard can
    for (const event of ["click", "focus"]) node.addEventListener(event, () => node.classList.add("open"));
    return node;
  }
  return make(TAGS[entity.type] ?? "span", "", ...children);
}

function link(url, children) {
  const safe = /^(https?|tg|mailto):/i.test(url);
  const node = make(safe ? "a" : "span", "", ...children);
  if (safe) Object.assign(node, { href: url, target: "_blank", rel: "noopener noreferrer" });
  return node;
}

// Text with entities (sorted, outer ones first; offsets in UTF-16 units, as strings are counted here) as nodes.
function formatted(text, entities, from = 0, to = text.length) {
  const nodes = [];
  let position = from;
  for (let index = 0; index < entities.length; index += 1) {
    const entity = entities[index];
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < position || end <= entity.offset) continue;
    const inner = entities.slice(index + 1).filter((other) => other.offset >= entity.offset && other.offset < end);
    nodes.push(text.slice(position, entity.offset), wrap(entity, formatted(text, inner, entity.offset, end)));
    position = end;
  }
  nodes.push(text.slice(position, to));
  return nodes.filter((node) => node !== "");
}

function quote(original) {
  const summary = original.photo ? "Photo" : original.text.replaceAll("\n", " ");
  const node = make("button", "quote", make("b", "", original.chat.title), make("span", "", summary));
  node.type = "button";
  node.addEventListener("click", () => showMessage(original.message_id));
  return node;
}

function photo(message) {
  const size = message.photo.at(-1);
  const image = make("img");
  Object.assign(image, { src: `sandbox/photos/${encodeURIComponent(size.file_id)}`, width: size.width, height: size.height, alt: message.caption || "Chart" });
  const node = make("button", "photo", image);
  node.type = "button";
  node.setAttribute("aria-label", "Enlarge the picture");
  node.addEventListener("click", () => {
    Object.assign(place("viewer-image"), { src: image.src, alt: image.alt });
    place("viewer").showModal();
  });
  return node;
}

function key(message, button) {
  if (button.url) {
    const node = link(button.url, [button.text]);
    node.className = "key";
    return node;
  }
  const node = make("button", "key", button.text);
  node.type = "button";
  node.addEventListener("click", () => press(node, message.message_id, button.callback_data));
  return node;
}

function bubble(message) {
  const node = make("article", "bubble");
  if (!message.photo) node.append(make("div", "name", message.chat.title));
  if (message.reply_to_message) node.append(quote(message.reply_to_message));
  if (message.photo) node.append(photo(message));
  const text = message.text ?? message.caption;
  if (text) node.append(make("div", "text", ...formatted(text, message.entities ?? message.caption_entities ?? [])));
  const time = make("time", "", hourMinute(message.date));
  time.dateTime = new Date(message.date * 1000).toISOString();
  const edited = message.edit_date ? [make("span", "", `edited ${hourMinute(message.edit_date)} ·`)] : [];
  node.append(make("footer", "meta", ...edited, time));
  return node;
}

function fill(item, message) {
  const rows = message.reply_markup?.inline_keyboard ?? [];
  const keys = rows.map((row) => make("div", "row", ...row.map((button) => key(message, button))));
  item.replaceChildren(bubble(message), ...(keys.length ? [make("div", "keys", ...keys)] : []));
}

// --- the conversation ----------------------------------------------------------------------------------------------

const isAtBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_BOTTOM_PX;
const toBottom = (behavior = "auto") => scroller.scrollTo({ top: scroller.scrollHeight, behavior });

function showMessage(id) {
  const item = items.get(id);
  if (!item) return;
  item.scrollIntoView({ block: "center", behavior: "smooth" });
  item.classList.remove("lit");
  requestAnimationFrame(() => item.classList.add("lit"));
}

function put(message) {
  const known = items.get(message.message_id);
  if (known) {
    fill(known, message);
    return false;
  }
  const day = dayOf(message.date);
  if (list.dataset.day !== day) {
    list.append(make("li", "day", day));
    list.dataset.day = day;
  }
  const item = make("li", "message");
  fill(item, message);
  items.set(message.message_id, item);
  list.append(item);
  place("empty").hidden = true;
  return true;
}

function arrived(message) {
  const stay = isAtBottom();
  const isNew = put(message);
  items.get(message.message_id).classList.toggle("new", isNew);
  if (isNew && !stay) unread += 1;
  if (stay) toBottom();
  showUnread();
}

function showUnread() {
  if (isAtBottom()) unread = 0;
  place("down").hidden = isAtBottom();
  place("unread").hidden = unread === 0;
  place("unread").textContent = unread;
}

function restart(state) {
  const stay = isAtBottom();
  document.title = state.chat.title;
  place("title").textContent = state.chat.title;
  const standing = new Set(state.messages.map((message) => message.message_id));
  for (const id of items.keys()) if (!standing.has(id)) remove(id);
  state.messages.forEach(put);
  place("empty").hidden = items.size > 0;
  if (stay) toBottom();
  showUnread();
}

function remove(id) {
  items.get(id)?.remove();
  items.delete(id);
  place("empty").hidden = items.size > 0;
}

// --- buttons and their answers -----------------------------------------------------------------------------------------

async function press(node, messageId, data) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  const stop = () => node.removeAttribute("aria-busy");
  try {
    const response = await fetch("sandbox/press", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ message_id: messageId, data }) });
    const body = await response.json();
    if (!response.ok) throw new Error(body.error);
    await answerTo(body.id);
  } catch (error) {
    toast(error.message);
  } finally {
    stop();
  }
}

function answerTo(id) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      waiting.delete(id);
      reject(new Error("The bot did not answer."));
    }, ANSWER_WAIT_MS);
    const finish = (text) => {
      clearTimeout(timer);
      waiting.delete(id);
      if (text) toast(text);
      resolve();
    };
    if (early.has(id)) finish(early.get(id));
    else waiting.set(id, finish);
    early.clear();
  });
}

function answered(news) {
  const finish = waiting.get(news.id);
  if (finish) finish(news.text);
  else early.set(news.id, news.text);
}

function toast(text) {
  clearTimeout(toastTimer);
  place("toast").textContent = text;
  place("toast").hidden = false;
  toastTimer = setTimeout(() => { place("toast").hidden = true; }, TOAST_MS);
}

// --- header -----------------------------------------------------------------------------------------------------------

function tick() {
  if (!clock.read) return;
  const passed = clock.open ? (performance.now() - clock.read) * clock.speed : 0;
  const now = new Date(clock.time + passed);
  const time = [now.getUTCHours(), now.getUTCMinutes(), now.getUTCSeconds()].map(pad).join(":");
  place("time").textContent = `${now.getUTCDate()} ${now.toLocaleDateString("en-GB", { month: "short", timeZone: "UTC" })} ${time} UTC${clock.open ? "" : " · opening"}`;
}

function setLink(state) {
  place("link").dataset.state = state;
  place("link").title = state;
  place("link-text").textContent = state;
}

function listen() {
  const source = new EventSource("sandbox/events");
  source.onerror = () => setLink("connecting"); // the browser tries again by itself
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    setLink("connected");
    Object.assign(clock, { time: news.time, speed: news.speed, open: news.open, read: performance.now() });
    place("speed").hidden = news.speed === 1;
    place("speed").textContent = `${news.speed}×`;
    if (news.event === "state") restart(news);
    if (news.event === "message") arrived(news.message);
    if (news.event === "delete") remove(news.message_id);
    if (news.event === "answer") answered(news);
    tick();
  };
}

scroller.addEventListener("scroll", showUnread, { passive: true });
list.addEventListener("load", () => { if (unread === 0 && place("down").hidden) toBottom(); }, true);
place("down").addEventListener("click", () => toBottom("smooth"));
place("viewer").addEventListener("click", () => place("viewer").close());
setInterval(tick, 250);
listen();
