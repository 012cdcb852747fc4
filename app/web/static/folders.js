// The files below what was dropped: folders are walked, everything else is taken as it is.

export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return { files: [...transfer.files], walked: false };
  const files = [];
  for (const entry of entries) await walk(entry, files);
  return { files, walked: true };
}

async function walk(entry, files) {
  if (entry.isFile) {
    files.push(await new Promise((found, failed) => entry.file(found, failed)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {  // a reader gives at most 100 entries at a time
    const some = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!some.length) return;
    for (const inner of some) await walk(inner, files);
  }
}
