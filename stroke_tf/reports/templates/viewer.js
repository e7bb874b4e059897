"use strict";
// The viewer: unpacks a case when it is opened, composes overlays from the bits of its masks, and hands both to NiiVue.
(() => {
  const place = document.querySelector("[data-viewer]");
  const contents = JSON.parse(document.getElementById("viewer-contents").textContent);
  const by = (id) => document.getElementById(id);
  const message = by("v-message");
  const HEADER = 352; // of the NIfTI-1 files on this page: 348 bytes and four that say that nothing follows them
  const unpacked = new Map();
  let viewer = null;
  let shown = null; // the case, image and overlay that are on the screen

  const unpack = (id) => {
    if (!unpacked.has(id)) {
      unpacked.set(id, (async () => {
        const text = atob(by(id).textContent);
        const packed = new Uint8Array(text.length);
        for (let i = 0; i < text.length; i += 1) packed[i] = text.charCodeAt(i);
        const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
        return new Response(stream).arrayBuffer();
      })());
    }
    return unpacked.get(id);
  };

  // Only what belongs to the open case stays unpacked: a phone has little memory.
  const forget = (number) => {
    for (const id of [...unpacked.keys()]) if (id.startsWith("case-") && !id.startsWith(`case-${number}-`)) unpacked.delete(id);
  };

  const COLOURS = {
    errors: [[0, 0, 0, 0], [0, 158, 115, 255], [230, 159, 0, 255], [204, 121, 167, 255]],
    truth: [[0, 0, 0, 0], [86, 180, 233, 255]],
    mask: [[0, 0, 0, 0], [213, 94, 0, 255]],
    votes: [[0, 0, 0, 0], [86, 180, 233, 255], [240, 228, 66, 255], [213, 94, 0, 255]],
  };
  const LEGENDS = {
    errors: [["found", "found (TP)"], ["false", "false alarm (FP)"], ["missed", "missed (FN)"]],
    truth: [["truth", "the truth"]],
    mask: [["mask", "what was found"]],
    votes: [["one", "one plane"], ["two", "two planes"], ["three", "all three"]],
    disagreement: [["heat", "planes agree … one is sure of lesion, another sure of none"]],
    none: [],
  };
  const PLANES = ["x", "y", "z"];

  const percent = (dice) => (dice === null ? " · no Dice" : ` · Dice ${(100 * dice).toFixed(1)} %`);
  const fill = (select, groups, wanted) => {
    select.replaceChildren();
    for (const [title, options] of groups) {
      if (!options.length) continue;
      const into = title ? select.appendChild(Object.assign(document.createElement("optgroup"), { label: title })) : select;
      for (const [value, text] of options) into.append(new Option(text, value));
    }
    if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
  };

  const overlaysOf = (one) => {
    const rows = one.overlays.filter((each) => each.id !== "truth");
    const truth = one.overlays.some((each) => each.id === "truth");
    const scored = rows.some((each) => each.dice !== null); // nothing is on a page of predictions
    const planes = PLANES.every((plane) => rows.some((each) => each.id === plane));
    const extra = [["none", "nothing"]];
    if (truth) extra.push(["truth", "the truth"]);
    if (planes) extra.push(["votes", "how many planes say lesion"]);
    if (one.disagreement) extra.push(["disagreement", "disagreement of the planes"]);
    return [
      ["", extra],
      ["found, false, missed", truth ? rows.map((each) => [`errors:${each.id}`, each.title + (scored ? percent(each.dice) : "")]) : []],
      ["mask alone", rows.map((each) => [`mask:${each.id}`, each.title])],
    ];
  };

  const compose = async (one, chosen) => {
    const [what, row] = chosen.split(":");
    if (what === "none") return null;
    if (what === "disagreement") return { buffer: await unpack(one.disagreement), what };
    const buffer = await unpack(one.masks);
    const bits = new Uint16Array(buffer, HEADER);
    const bit = (id) => 1 << one.overlays.find((each) => each.id === id).bit;
    const image = await unpack(one.images[0].blob);
    const made = new Uint8Array(HEADER + bits.length);
    made.set(new Uint8Array(image, 0, HEADER)); // the same grid, also of one byte a voxel
    const voxels = made.subarray(HEADER);
    if (what === "votes") {
      const masks = PLANES.map(bit);
      for (let i = 0; i < bits.length; i += 1) if (bits[i]) voxels[i] = masks.reduce((sum, mask) => sum + ((bits[i] & mask) !== 0), 0);
    } else if (what === "errors") {
      const truth = bit("truth");
      const found = bit(row);
      for (let i = 0; i < bits.length; i += 1) {
        if (bits[i] & found) voxels[i] = bits[i] & truth ? 1 : 2;
        else if (bits[i] & truth) voxels[i] = 3;
      }
    } else {
      const mask = bit(what === "truth" ? "truth" : row);
      for (let i = 0; i < bits.length; i += 1) voxels[i] = (bits[i] & mask) !== 0;
    }
    return { buffer: made.buffer, what };
  };

  const legend = (what) => {
    by("v-legend").replaceChildren(...LEGENDS[what].map(([swatch, text]) => {
      const item = document.createElement("span");
      const colour = document.createElement("i");
      colour.className = `swatch-${swatch}`;
      item.append(colour, text);
      return item;
    }));
  };

  const opacity = () => Number(by("v-opacity").value) / 100;

  const show = async () => {
    const number = Number(by("v-case").value);
    const one = contents.cases[number];
    by("v-mark").hidden = !one.synthetic;
    const image = one.images.find((each) => each.name === by("v-image").value) || one.images[0];
    const chosen = by("v-overlay").value;
    const layer = await compose(one, chosen);
    const volumes = [await niivue.NVImage.new(await unpack(image.blob), `${image.name}.nii`, "gray", 1)];
    if (layer) {
      const over = await niivue.NVImage.new(layer.buffer, "overlay.nii", "inferno", opacity());
      if (layer.what === "disagreement") {
        over.cal_min = 13; // a twentieth: below it the planes count as agreeing
        over.cal_max = 255;
        over.colormapType = 2; // what lies below the least is clear
      } else {
        const table = COLOURS[layer.what];
        const channel = (index) => table.map((colour) => colour[index]);
        over.setColormapLabel({ R: channel(0), G: channel(1), B: channel(2), A: channel(3), I: table.map((_, i) => i), labels: table.map(() => "") });
      }
      volumes.push(over);
    }
    const anew = shown === null || shown.number !== number;
    const cross = anew ? null : [...viewer.scene.crosshairPos];
    viewer.volumes = [];
    for (const volume of volumes) viewer.addVolume(volume);
    viewer.volumes[0].cal_min = 0;
    viewer.volumes[0].cal_max = 255;
    viewer.updateGLVolume();
    if (anew) toLesion(one);
    else { viewer.scene.crosshairPos = cross; viewer.drawScene(); }
    shown = { number, image: image.name, chosen };
    legend(layer ? layer.what : "none");
    place.dataset.shown = `${number} ${image.name} ${chosen}`;
  };

  const toLesion = (one) => {
    viewer.scene.crosshairPos = viewer.mm2frac(one.centre);
    viewer.createOnLocationChange();
    viewer.drawScene();
  };

  // One after the other: a second choice made while the first is unpacked must not be overtaken by it.
  let queue = Promise.resolve();
  const soon = (work) => {
    queue = queue.then(work).catch((fault) => { message.textContent = `The viewer failed: ${fault.message}. The pictures below show every case.`; place.classList.remove("viewer-on"); console.error(fault); });
    return queue;
  };

  const open = () => {
    const number = Number(by("v-case").value);
    const one = contents.cases[number];
    fill(by("v-image"), [["", one.images.map((each) => [each.name, each.name])]], by("v-image").value);
    fill(by("v-overlay"), overlaysOf(one), by("v-overlay").value || `${one.overlays.some((each) => each.id === "truth") ? "errors" : "mask"}:${contents.first}`);
    forget(number);
    return show();
  };

  const view = () => {
    const wanted = Number(by("v-view").value);
    const render = niivue.SHOW_RENDER || { NEVER: 0, ALWAYS: 1 };
    viewer.opts.multiplanarShowRender = wanted === 4 ? render.ALWAYS : render.NEVER;
    viewer.setSliceType(wanted === 4 ? 3 : wanted);
  };

  const start = async () => {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(await unpack("niivue"));
    document.head.append(script);
    unpacked.delete("niivue");
    place.querySelector(".stage").hidden = false;
    viewer = new niivue.Niivue({
      backColor: [0, 0, 0, 1], crosshairColor: [0.95, 0.78, 0.4, 0.8], crosshairWidth: 0.6, crosshairGap: 14, isRadiologicalConvention: true, sagittalNoseLeft: true,
      dragAndDropEnabled: false, loadingText: "", isColorbar: false, logLevel: "error", isResizeCanvas: true, multiplanarShowRender: 0, fontMinPx: 11,
    });
    viewer.onLocationChange = (where) => { by("v-place").textContent = `cross at ${where.mm.slice ? [...where.mm].slice(0, 3).map((mm) => mm.toFixed(0)).join(", ") : where.string} mm (right, front, top) · shown in voxels of ${contents.cases[Number(by("v-case").value)].voxels}`; };
    await viewer.attachToCanvas(by("v-canvas"));
    if (!viewer.gl) throw new Error("no WebGL 2");
    place.classList.add("viewer-on");
    view();
    const select = by("v-case");
    select.addEventListener("change", () => soon(open));
    const step = (by_) => () => { select.selectedIndex = (select.selectedIndex + by_ + select.options.length) % select.options.length; soon(open); };
    by("v-before").addEventListener("click", step(-1));
    by("v-after").addEventListener("click", step(1));
    by("v-image").addEventListener("change", () => soon(show));
    by("v-overlay").addEventListener("change", () => soon(show));
    by("v-view").addEventListener("change", () => soon(async () => view()));
    by("v-lesion").addEventListener("click", () => soon(async () => toLesion(contents.cases[shown.number])));
    by("v-opacity").addEventListener("input", () => { if (viewer.volumes.length > 1) viewer.setOpacity(1, opacity()); });
    const KEYS = { ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1] };
    by("v-canvas").addEventListener("keydown", (event) => {
      if (!KEYS[event.key]) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      viewer.moveCrosshairInVox(...KEYS[event.key]);
    }, true);
    // In the table of cases a name opens its case.
    for (const head of document.querySelectorAll("#every-case tbody th")) {
      const number = contents.cases.findIndex((each) => each.name === head.textContent);
      if (number < 0) continue;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: head.textContent, title: "show in the viewer" });
      button.addEventListener("click", () => { select.value = number; soon(open); place.scrollIntoView(); });
      head.replaceChildren(button);
    }
    const pictures = document.createElement("button");
    pictures.type = "button";
    pictures.textContent = "pictures of all cases";
    pictures.addEventListener("click", () => place.classList.toggle("with-pictures"));
    place.querySelector(".controls").append(pictures);
    await open();
  };

  const canDraw = () => {
    try { return document.createElement("canvas").getContext("webgl2") !== null; } catch { return false; }
  };
  if (!canDraw() || typeof DecompressionStream === "undefined") {
    message.textContent = `${message.textContent} This browser lacks WebGL 2 or decompression, so the pictures below stand in for the viewer.`;
    place.dataset.shown = "pictures";
    return;
  }
  // Unpacked when it comes near the screen: whoever reads only the answer waits for nothing.
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    soon(start);
  }, { rootMargin: "300px" });
  watch.observe(place);
})();
