// Names what the page shows as a picture only, for those who hear it or work it by keyboard.
const NAMES = {
  "#sidebar-trigger-button": "Show or hide the chats",
  "#search-chats-button": "Search the chats",
  "#new-chat-button": "New chat",
  "#theme-toggle": "Light or dark",
  "#user-nav-button": "You",
  "#upload-button": "Attach a list",
  "#chat-settings-open-modal": "Settings of this chat",
  "#chat-submit": "Send",
  "#stop-button": "Stop",
  "#chat-input": "Your question",
  "#thread-options": "What to do with this chat",
  ".edit-message": "Edit this question",
  ".positive-feedback-off": "Helpful",
  ".positive-feedback-on": "Helpful, chosen",
  ".negative-feedback-off": "Not helpful",
  ".negative-feedback-on": "Not helpful, chosen",
  "button:has(> .lucide-copy)": "Copy this answer",
  "button:has(> .lucide-arrow-down)": "To the end",
}

function name() {
  for (const [which, label] of Object.entries(NAMES))
    for (const element of document.querySelectorAll(which))
      if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label)
  for (const menu of document.querySelectorAll("#thread-options:not([tabindex])")) {
    menu.tabIndex = 0
    menu.setAttribute("role", "button")
  }
  for (const chart of document.querySelectorAll(".js-plotly-plot:not([role])")) {
    chart.setAttribute("role", "img")
    chart.setAttribute("aria-label", `Chart: ${chart.querySelector(".gtitle")?.textContent ?? ""}`)
  }
  // The picture beside the sign-in form says nothing.
  for (const picture of document.querySelectorAll("img[alt='Image']")) picture.alt = ""
  for (const logo of document.querySelectorAll("img[alt='logo']")) logo.alt = "BioThings Assistant"
  const said = document.querySelector("[data-step-type]")?.closest(".overflow-y-auto")
  if (said && !said.role) {
    said.setAttribute("role", "log")
    said.setAttribute("aria-label", "Conversation")
  }
}

// Chainlit copies an answer as it is written, in Markdown with a backslash before each mark; copied is what can be read.
let read = null
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button:has(> .lucide-copy)")
  const text = button?.closest("[data-step-type]")?.querySelector(".message-content")?.firstElementChild
  // Beside the text stands what is drawn of it. The joiners only keep addresses from being links.
  read = text && !text.querySelector(".ba-answer") ? text.innerText.replaceAll("\u2060", "") : null
}, true)
if (navigator.clipboard) {
  const { clipboard } = navigator
  const write = clipboard.write?.bind(clipboard), writeText = clipboard.writeText.bind(clipboard)
  clipboard.writeText = (text) => writeText(read ?? text)
  if (write) clipboard.write = (items) => (read === null ? write(items) : writeText(read))
}

let waiting = false
new MutationObserver(() => {
  if (waiting) return
  waiting = true
  setTimeout(() => {
    waiting = false
    name()
  }, 200)
}).observe(document.documentElement, { childList: true, subtree: true })
document.addEventListener("focusin", name)
name()

// An answer is drawn by this; fetched now, and kept for a while, it need not be waited for then.
const fetchAhead = () => fetch("/public/elements/BioThingsAnswer.jsx").catch(() => {})
if ("requestIdleCallback" in window) requestIdleCallback(fetchAhead)
else setTimeout(fetchAhead, 1000)
