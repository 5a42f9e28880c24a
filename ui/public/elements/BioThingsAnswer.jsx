import { useEffect, useMemo, useRef, useState } from "react"

// Everything that is shown here comes as text and is put into the page as text; addresses are made by the server.
const PAGE = 25
const FOLD = 140

function Cell({ value }) {
  const [open, setOpen] = useState(false)
  const text = typeof value === "string" ? value : value.t
  const links = typeof value === "string" ? [] : value.l
  const end = open || text.length <= FOLD ? text.length : FOLD
  const parts = []
  let place = 0
  links.forEach(([from, to, address], index) => {
    if (from >= end) return
    parts.push(text.slice(place, from))
    parts.push(
      <a key={index} href={address} target="_blank" rel="noopener noreferrer">{text.slice(from, to)}</a>
    )
    place = to
  })
  parts.push(text.slice(place, Math.max(end, place)))
  return (
    <>
      {parts}
      {text.length > FOLD && (
        <button type="button" className="ba-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "less" : "… more"}
        </button>
      )}
    </>
  )
}

const plain = (value) => (typeof value === "string" ? value : value.t)

// What is empty comes last, whichever way the rest is sorted.
function compare(a, b, way) {
  const x = plain(a), y = plain(b)
  if (x === "" || y === "") return x === y ? 0 : x === "" ? 1 : -1
  const m = Number(x), n = Number(y)
  if (!Number.isNaN(m) && !Number.isNaN(n)) return (m - n) * way
  return x.localeCompare(y, undefined, { numeric: true }) * way
}

// In the table of a list: what became of the row's entry.
const mark = (table, row) => (table.columns[1]?.path === "status" ? `ba-${plain(row[1]).match(/^\w*/)[0]}` : undefined)

function Table({ table, shown, total, start }) {
  const [sort, setSort] = useState(null)
  const [page, setPage] = useState(0)
  const [filter, setFilter] = useState("")
  const rows = useMemo(() => {
    const wanted = filter.trim().toLowerCase()
    let found = wanted ? table.rows.filter((row) => row.some((cell) => plain(cell).toLowerCase().includes(wanted))) : table.rows
    if (sort) found = [...found].sort((a, b) => compare(a[sort.column], b[sort.column], sort.way))
    return found
  }, [table, sort, filter])
  const pages = Math.max(1, Math.ceil(rows.length / PAGE))
  const at = Math.min(page, pages - 1)
  const turn = (column) => {
    setPage(0)
    setSort(!sort || sort.column !== column ? { column, way: 1 } : sort.way === 1 ? { column, way: -1 } : null)
  }
  return (
    <div className="ba-block">
      {table.rows.length > PAGE && (
        <input
          className="ba-input ba-filter" type="search" placeholder="Filter these rows" aria-label="Filter these rows"
          value={filter} onChange={(event) => { setFilter(event.target.value); setPage(0) }}
        />
      )}
      <div className="ba-scroll" tabIndex={0} role="region" aria-label="Results">
        <table className="ba-table">
          <thead>
            <tr>
              {table.columns.map((column, index) => (
                <th key={index} scope="col"
                  aria-sort={sort && sort.column === index ? (sort.way === 1 ? "ascending" : "descending") : "none"}>
                  <button type="button" onClick={() => turn(index)} title={column.label || column.path}>
                    {column.path}
                    <span aria-hidden="true">{sort && sort.column === index ? (sort.way === 1 ? " ▲" : " ▼") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(at * PAGE, (at + 1) * PAGE).map((row, index) => (
              <tr key={at * PAGE + index} className={mark(table, row)}>
                {row.map((cell, number) => <td key={number}><Cell value={cell} /></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="ba-row ba-quiet">
        <span>
          {rows.length === table.rows.length ? "" : `${rows.length.toLocaleString()} of `}
          {table.rows.length.toLocaleString()} {table.rows.length === 1 ? "row" : "rows"}
          {total > shown && !start ? `, the first of ${total.toLocaleString()}` : ""}
          {start > 0 ? `, from number ${(start + 1).toLocaleString()} of ${total.toLocaleString()}` : ""}
        </span>
        {pages > 1 && (
          <span className="ba-row">
            <button type="button" className="ba-button" disabled={at === 0} onClick={() => setPage(at - 1)}>Previous</button>
            <span>page {at + 1} of {pages}</span>
            <button type="button" className="ba-button" disabled={at === pages - 1} onClick={() => setPage(at + 1)}>Next</button>
          </span>
        )}
      </div>
    </div>
  )
}

async function writeClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  // Browsers give a page that came over plain http no clipboard; what is selected there can be copied all the same.
  const focused = document.activeElement
  const box = document.createElement("textarea")
  box.value = text
  box.style.position = "fixed"
  document.body.append(box)
  box.select()
  const copied = document.execCommand("copy")
  box.remove()
  focused?.focus({ preventScroll: true })
  if (!copied) throw new Error("The browser does not allow it.")
}

function Copy({ text, label }) {
  const [said, setSaid] = useState("")
  const copy = async () => {
    try {
      await writeClipboard(text)
      setSaid("Copied")
    } catch {
      setSaid("Not copied: select and copy it")
    }
    setTimeout(() => setSaid(""), 2500)
  }
  return <button type="button" className="ba-button" onClick={copy}>{said || label}</button>
}

// What an action of the server answers. It throws where the server cannot be reached, or knows this chat no more.
async function act(name, payload) {
  const reply = await callAction({ name, payload })
  if (!reply?.response) throw new Error("no answer")
  return reply.response
}

const UNHEARD = "The chat did not answer. Try again, or load the page anew."

function Downloads({ answer }) {
  const [state, setState] = useState("")
  const fetchAll = async (kind, all) => {
    const name = `${answer.api || answer.request.api}-${new Date().toISOString().slice(0, 10)}.${kind}`
    setState("Fetching …")
    try {
      const response = await fetch(`/answers/${answer.id}.${kind}${all ? "?all=1" : ""}`)
      if (!response.ok) throw new Error((await response.text()).slice(0, 200) || response.statusText)
      const reader = response.body.getReader()
      const parts = []
      let lines = 0
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        parts.push(value)
        for (const byte of value) if (byte === 10) lines += 1
        if (all) setState(`${Math.min(lines, answer.total).toLocaleString()} of ${answer.total.toLocaleString()} …`)
      }
      const address = URL.createObjectURL(new Blob(parts))
      const anchor = document.createElement("a")
      anchor.href = address
      anchor.download = name
      anchor.click()
      URL.revokeObjectURL(address)
      setState("")
    } catch (error) {
      setState(`Not downloaded: ${error.message}`)
    }
  }
  const more = answer.listable && answer.total > answer.shown
  return (
    <span className="ba-row" aria-live="polite">
      <button type="button" className="ba-button" onClick={() => fetchAll("csv", false)}>CSV</button>
      <button type="button" className="ba-button" onClick={() => fetchAll("json", false)}>JSON</button>
      {more && <button type="button" className="ba-button" onClick={() => fetchAll("csv", true)}>All {answer.total.toLocaleString()} as CSV</button>}
      {more && <button type="button" className="ba-button" onClick={() => fetchAll("json", true)}>All as JSON</button>}
      {state && <span className="ba-quiet">{state}</span>}
    </span>
  )
}

// An answer to an older one stands at the end of the chat, which may be out of sight.
const showEnd = () => document.querySelector("[role=log]")?.scrollTo({ top: 1e9, behavior: "smooth" })

const SPECIES = ["", "human", "mouse", "rat", "fruitfly", "nematode", "zebrafish", "thale-cress", "frog", "pig"]

// Of answers that were kept before they named the APIs that there are.
const APIS = ["mygene", "myvariant", "mychem", "mydisease"]
// What of a request's parameters the form shows; the others are carried along as they are.
const SHOWN = ["species", "assembly", "size", "sort", "filter", "from", "facets", "facet_size"]

function Field({ label, children }) {
  return <label className="ba-field"><span>{label}</span>{children}</label>
}

function Editor({ answer, onClose }) {
  const first = answer.request
  const [form, setForm] = useState({
    api: first.api, kind: first.kind, q: first.q || "", scopes: first.scopes, fields: first.fields,
    ...Object.fromEntries(SHOWN.map((name) => [name, first.params[name] || ""])),
  })
  const [verdict, setVerdict] = useState({ ok: true, explain: first.explain, line: first.line })
  const [running, setRunning] = useState(false)
  const [fault, setFault] = useState("")
  const number = useRef(0)
  const others = Object.fromEntries(Object.entries(first.params).filter(([name]) => !SHOWN.includes(name)))
  const send = (name) => act(name, { form, others, answer: answer.id })
  useEffect(() => {
    // Checked a moment after the last key, by the server, which knows the fields; only the latest verdict counts.
    const mine = ++number.current
    const timer = setTimeout(async () => {
      try {
        const reply = await send("check_request")
        if (mine === number.current) setVerdict(reply)
      } catch {
        // The request is checked again when it is run.
      }
    }, 400)
    return () => clearTimeout(timer)
  }, [form])
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value })
  // What is looked up is neither sorted, skipped nor counted.
  const searched = form.kind === "query"
  const run = async (event) => {
    event.preventDefault()
    if (running) return
    setRunning(true)
    setFault("")
    window.baAwaited = true
    try {
      const reply = await send("run_request")
      if (!reply.ran) window.baAwaited = false
      if (reply.ok === false) setVerdict(reply)
      else if (reply.ran) {
        onClose()
        showEnd()
      }
      // Otherwise it was stopped, or failed, as the chat says; what was edited stays to be run again.
    } catch {
      setFault(UNHEARD)
    } finally {
      setRunning(false)
    }
  }
  return (
    <form className="ba-form" onSubmit={run}>
      <Field label="API">
        <select className="ba-input" value={form.api} onChange={set("api")}>
          {Array.from(new Set([...(first.apis || APIS), first.api])).map((name) => <option key={name}>{name}</option>)}
        </select>
      </Field>
      <Field label={searched ? "Query string" : "Identifiers"}>
        <textarea className="ba-input ba-code" rows={2} value={form.q} onChange={set("q")} spellCheck={false} autoFocus />
      </Field>
      {form.kind === "batch" && <Field label="Looked up in"><input className="ba-input ba-code" value={form.scopes} onChange={set("scopes")} /></Field>}
      <Field label="Fields to show"><input className="ba-input ba-code" value={form.fields} onChange={set("fields")} placeholder="the usual ones" spellCheck={false} /></Field>
      {form.api === "mygene" && (
        <Field label="Species">
          <input className="ba-input" list="ba-species" value={form.species} onChange={set("species")} placeholder="any" />
          <datalist id="ba-species">{SPECIES.map((name) => <option key={name} value={name} />)}</datalist>
        </Field>
      )}
      {form.api === "myvariant" && (
        <Field label="Assembly">
          <select className="ba-input" value={form.assembly} onChange={set("assembly")}>
            <option value="">not stated</option><option>hg19</option><option>hg38</option>
          </select>
        </Field>
      )}
      <Field label="Filter"><input className="ba-input ba-code" value={form.filter} onChange={set("filter")} placeholder="none" spellCheck={false} /></Field>
      {searched && <Field label="Sort by"><input className="ba-input ba-code" value={form.sort} onChange={set("sort")} placeholder="best match" spellCheck={false} /></Field>}
      <Field label="Hits"><input className="ba-input" inputMode="numeric" value={form.size} onChange={set("size")} placeholder="10" /></Field>
      {searched && <Field label="Skip the first"><input className="ba-input" inputMode="numeric" value={form.from} onChange={set("from")} placeholder="0" /></Field>}
      {searched && <Field label="Count by"><input className="ba-input ba-code" value={form.facets} onChange={set("facets")} placeholder="none" spellCheck={false} /></Field>}
      {searched && (form.facets || form.facet_size) && (
        <Field label="Values to count"><input className="ba-input" inputMode="numeric" value={form.facet_size} onChange={set("facet_size")} placeholder="10" /></Field>
      )}
      <div className="ba-verdict" role="status">
        {verdict.ok
          ? <Explained parts={verdict.explain} />
          : <p className="ba-fault">{verdict.message} {verdict.hint}</p>}
        {fault && <p className="ba-fault">{fault}</p>}
      </div>
      <div className="ba-row">
        <button type="submit" className="ba-button ba-primary" aria-disabled={running} disabled={!verdict.ok}>{running ? "Running …" : "Run this request"}</button>
        <button type="button" className="ba-button" onClick={onClose}>Cancel</button>
      </div>
    </form>
  )
}

function Explained({ parts }) {
  return (
    <dl className="ba-explain">
      {parts.map((part, index) => (
        <div key={index}><dt className="ba-code">{part.text}</dt><dd>{part.means}</dd></div>
      ))}
    </dl>
  )
}

function Request({ answer }) {
  const [editing, setEditing] = useState(false)
  const [saved, setSaved] = useState("")
  const editButton = useRef(null)
  const edited = useRef(false)
  const request = answer.request
  useEffect(() => {
    // The form takes the focus; when it goes, its button has it again, or a keyboard would begin at the page's top.
    if (editing) edited.current = true
    else if (edited.current && document.activeElement === document.body) editButton.current?.focus({ preventScroll: true })
  }, [editing])
  const save = async () => {
    if (saved === "Saved") return
    try {
      const reply = await act("save_correction", { answer: answer.id })
      setSaved(reply.ok ? "Saved" : reply.message || "Not saved")
    } catch {
      setSaved("Not saved: the chat did not answer")
    }
  }
  return (
    <details className="ba-block ba-card">
      <summary>Request: <code>{request.line}</code></summary>
      <div className="ba-inside">
        {editing ? <Editor answer={answer} onClose={() => setEditing(false)} /> : (
          <>
            <Explained parts={request.explain} />
            <div className="ba-row">
              {request.url && <a className="ba-button" href={request.url} target="_blank" rel="noopener noreferrer">Open at the live service</a>}
              <Copy text={request.line} label="Copy request" />
              <button type="button" className="ba-button" ref={editButton} onClick={() => setEditing(true)}>Edit and run</button>
              {answer.draft && (
                <button type="button" className="ba-button" aria-disabled={saved === "Saved"} onClick={save}>
                  {saved || "Save as the right request"}
                </button>
              )}
            </div>
          </>
        )}
        <div className="ba-python">
          <pre tabIndex={0}><code>{request.python}</code></pre>
          <Copy text={request.python} label="Copy Python" />
        </div>
      </div>
    </details>
  )
}

function Choices({ answer }) {
  const { ask, rows } = answer.choices
  const [fault, setFault] = useState("")
  const choose = async (line) => {
    setFault("")
    try {
      await act("choose", { line, answer: answer.id })
      showEnd()
    } catch {
      setFault(UNHEARD)
    }
  }
  return (
    <div className="ba-row" role="group" aria-label={ask}>
      <span>{ask}</span>
      {rows.map((row) => (
        <button key={row.line} type="button" className="ba-button ba-choice" title={row.line} disabled={row.count === 0} onClick={() => choose(row.line)}>
          {row.label} ({row.count.toLocaleString()})
        </button>
      ))}
      {fault && <span className="ba-fault" role="status">{fault}</span>}
    </div>
  )
}

const WHO = { offline: "the offline snapshot", live: "the live service" }

export default function Answer() {
  const answer = props
  const rows = answer.table.rows.length
  const root = useRef(null)
  useEffect(() => {
    // The answer to an edited request takes the focus from its form, or a keyboard would begin at the page's top. The
    // page draws answers anew now and then: it then has it again, unless somebody has moved on.
    const seen = (window.baSeen ||= new Set())
    const focused = document.activeElement
    const fresh = window.baAwaited && !seen.has(answer.id) && (focused === document.body || focused?.closest(".ba-answer"))
    if (fresh) [window.baFocused, window.baAwaited] = [answer.id, false]
    seen.add(answer.id)
    if (fresh || (window.baFocused === answer.id && focused === document.body)) root.current?.focus({ preventScroll: true })
  }, [])
  return (
    <div className="ba-answer" ref={root} tabIndex={-1}>
      {answer.choices && answer.choices.rows.length > 0 && <Choices answer={answer} />}
      {rows > 0 && answer.table.columns.length > 0 && <Table table={answer.table} shown={answer.shown} total={answer.total} start={answer.start} />}
      <div className="ba-row">
        {answer.id && rows > 0 && <Downloads answer={answer} />}
        <span className="ba-quiet">
          {answer.backend ? `Answered by ${WHO[answer.backend] || answer.backend}` : "Not sent"}
          {" · "}<time dateTime={answer.when}>{new Date(answer.when).toLocaleString()}</time>
          {" · "}{answer.seconds.total.toFixed(2)} s
        </span>
      </div>
      {answer.request && <Request answer={answer} />}
    </div>
  )
}
