// Steps through the hops of the flood; without it the page shows the end.
for (const player of document.querySelectorAll(".player")) {
  const [button, slider, shown] = ["button", "input", "output"].map((name) => player.querySelector(name));
  const parts = document.querySelectorAll("#flood [data-hop]");
  const show = (hop) => {
    slider.value = hop;
    shown.textContent = hop;
    for (const part of parts) {
      part.classList.toggle("later", Number(part.dataset.hop) > hop);
      part.classList.toggle("now", Number(part.dataset.hop) === hop && hop > 0);
    }
  };
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
    button.textContent = "Stop";
    let hop = 0;
    show(hop);
    timer = setInterval(() => {
      hop += 1;
      show(hop);
      if (hop >= Number(player.dataset.hops)) stop();
    }, 900);
  });
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
}
