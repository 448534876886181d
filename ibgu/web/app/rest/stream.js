/** Server-sent events over fetch: EventSource can't send a token. */

/**
 * @param {AsyncIterable<string>} chunks
 * @returns {AsyncGenerator<{ id: string, data: string }>} also for heartbeats, without data
 */
export async function* messages(chunks) {
  let rest = "";
  for await (const chunk of chunks) {
    const blocks = (rest + chunk.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield message(block);
  }
}

function message(/** @type {string} */ block) {
  const found = { id: "", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === "id") found.id = value;
    if (field === "data") found.data += value;
  }
  return found;
}

/** @returns {AsyncGenerator<string>} */
export async function* chunksOf(/** @type {Response} */ answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
