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

// In a map: who is pointed at is shown with its neighbours alone.
for (const map of document.querySelectorAll(".map")) {
  const [nodes, links] = ["[data-node]", "[data-a]"].map((what) => [...map.querySelectorAll(what)]);
  const show = (node) => {
    const near = new Set([node]);
    for (const { dataset: link, classList } of links) {
      const own = link.a === node || link.b === node;
      if (own) near.add(link.a).add(link.b);
      classList.toggle("far", node !== null && !own);
    }
    for (const one of nodes) one.classList.toggle("far", node !== null && !near.has(one.dataset.node));
  };
  for (const one of document.querySelectorAll("[data-node]")) {
    one.addEventListener("mouseenter", () => show(one.dataset.node));
    one.addEventListener("mouseleave", () => show(null));
  }
}
