// Keyboard shortcuts, dropping of files, sliders and the camera. Every page also works without this script.
"use strict";

// Shortcuts of the review: a key presses its button, except while text is entered.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (event.target.closest("input, select, textarea")) return;
  // The position of the key counts: with a Korean keyboard the letter is a different one.
  const letter = event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : event.key;
  const button = document.querySelector(`button[data-key="${CSS.escape(letter)}"]`);
  if (!button || button.disabled) return;
  event.preventDefault();
  document.querySelectorAll("button[data-key]").forEach((other) => (other.disabled = other !== button));
  button.click();
});

// Lists of choices that submit their form without a button.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

// Files may be dropped anywhere on the form.
document.querySelectorAll("form[data-drop]").forEach((form) => {
  const input = form.querySelector("input[type=file][multiple]");
  for (const kind of ["dragover", "dragenter"]) {
    form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
  }
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  form.addEventListener("submit", () => { form.setAttribute("aria-busy", "true"); });
});

// A slider shows its value, and "draw again" takes the next seed.
document.addEventListener("input", (event) => {
  const shown = event.target.matches("input[type=range]") && event.target.parentElement.querySelector("output");
  if (shown) shown.value = event.target.value;
});
document.addEventListener("click", (event) => {
  if (!event.target.matches("button[data-again]")) return;
  const seed = event.target.form.elements.seed;
  seed.value = Number(seed.value) + 1;
  seed.dispatchEvent(new Event("input", { bubbles: true }));
});

// The camera of a computer; phones offer theirs with the file field.
document.querySelectorAll("form[data-drop]").forEach((form) => {
  if (!navigator.mediaDevices?.getUserMedia || !matchMedia("(pointer: fine)").matches) return;
  const element = (name) => form.querySelector(`[data-${name}]`);
  const finder = element("viewfinder");
  const video = finder.querySelector("video");
  const close = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    finder.hidden = true;
    element("camera").hidden = false;
  };
  element("photo").hidden = true;
  element("camera").hidden = false;
  element("close").addEventListener("click", close);
  element("camera").addEventListener("click", async () => {
    element("camera-problem").textContent = "";
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
    } catch {
      element("camera-problem").textContent = finder.dataset.failed;
      return;
    }
    finder.hidden = false;
    element("camera").hidden = true;
    element("shoot").focus();
  });
  element("shoot").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    close();
    canvas.toBlob((blob) => {
      const picked = new DataTransfer();
      picked.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
      form.querySelector("input[type=file][multiple]").files = picked.files;
      form.requestSubmit();
    }, "image/jpeg", 0.92);
  });
});
