// SPDX-License-Identifier: MIT OR Apache-2.0
// What pages cannot do without a script: local times, copying, drag and drop, the chart. Everything else is htmx.
(function () {
  "use strict";

  function each(root, selector, work) {
    if (root.matches && root.matches(selector)) work(root);
    root.querySelectorAll(selector).forEach(work);
  }

  function two(n) { return String(n).padStart(2, "0"); }

  function localTimes(root) {
    each(root, "time[datetime]", function (element) {
      var at = new Date(element.getAttribute("datetime"));
      if (isNaN(at)) return;
      element.title = element.getAttribute("datetime");
      element.textContent = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate()) + " " +
        two(at.getHours()) + ":" + two(at.getMinutes()) + ":" + two(at.getSeconds());
    });
  }

  // Blocks that were opened stay open when a live piece takes their place.
  var open = new Set();
  document.addEventListener("toggle", function (event) {
    var key = event.target.dataset && event.target.dataset.keep;
    if (!key) return;
    if (event.target.open) open.add(key); else open.delete(key);
  }, true);

  function reopen(root) {
    each(root, "details[data-keep]", function (element) {
      if (open.has(element.dataset.keep)) element.open = true;
    });
  }

  function copying(root) {
    if (!navigator.clipboard) return;
    each(root, "button[data-copy]", function (button) {
      button.hidden = false;
      var label = button.textContent;
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent).then(function () {
          button.textContent = button.dataset.done;
          setTimeout(function () { button.textContent = label; }, 2000);
        });
      });
    });
  }

  function dropping() {
    var drop = document.getElementById("drop");
    if (!drop) return;
    var file = document.getElementById("file");
    var chosen = document.getElementById("chosen");
    function show() { chosen.textContent = file.files.length ? file.files[0].name + " · " + file.files[0].size + " B" : ""; }
    file.addEventListener("change", show);
    ["dragenter", "dragover"].forEach(function (name) {
      drop.addEventListener(name, function (event) { event.preventDefault(); drop.classList.add("over"); });
    });
    ["dragleave", "drop"].forEach(function (name) {
      drop.addEventListener(name, function (event) { event.preventDefault(); drop.classList.remove("over"); });
    });
    drop.addEventListener("drop", function (event) {
      if (!event.dataTransfer.files.length) return;
      var one = new DataTransfer();
      one.items.add(event.dataTransfer.files[0]);
      file.files = one.files;
      show();
    });
    document.getElementById("upload").addEventListener("htmx:xhr:progress", function (event) {
      var sent = document.getElementById("sent");
      if (!event.detail.lengthComputable) return;
      sent.hidden = false;
      sent.value = event.detail.loaded * 100 / event.detail.total;
    });
  }

  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  function charting() {
    var place = document.getElementById("chart");
    if (!place || !window.uPlot) return;
    var chart = null, busy = false, again = false;

    function clocks(u, seconds, axis, space, step) {
      var show = uPlot.fmtDate(step >= 86400 ? "{YYYY}-{MM}-{DD}" : step >= 60 ? "{HH}:{mm}" : "{HH}:{mm}:{ss}");
      return seconds.map(function (second) { return show(new Date(second * 1000)); });
    }

    function options() {
      var text = function () { return colour("--text"); };
      var grid = { stroke: function () { return colour("--line"); }, width: 1 };
      return {
        width: place.clientWidth, height: 200, cursor: { y: false },
        scales: { y: { range: function (u, min, max) { return [0, Math.max(1, max * 1.05)]; } } },
        axes: [{ stroke: text, grid: grid, space: 90, values: clocks,
          incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800, 2419200] }, { stroke: text, grid: grid, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }],
        series: [
          { label: place.dataset.time },
          { label: place.dataset.good, stroke: function () { return colour("--good"); }, width: 2, paths: uPlot.paths.stepped({ align: 1 }) },
          { label: place.dataset.bad, stroke: function () { return colour("--bad"); }, width: 2, dash: [6, 4], paths: uPlot.paths.stepped({ align: 1 }) }
        ]
      };
    }

    function load() {
      if (busy) { again = true; return; }
      busy = true;
      fetch(place.dataset.source, { credentials: "same-origin" }).then(function (answer) {
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      }).then(function (data) {
        if (chart) chart.setData(data); else if (data[0].length) chart = new uPlot(options(), data, place);
      }).catch(function () {}).then(function () {
        setTimeout(function () { busy = false; if (again) { again = false; load(); } }, 1000);
      });
    }

    load();
    document.body.addEventListener("htmx:sseMessage", function (event) { if (event.detail.type === "course") load(); });
    new ResizeObserver(function () { if (chart) chart.setSize({ width: place.clientWidth, height: 200 }); }).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { if (chart) chart.redraw(); });
  }

  function fresh(root) { localTimes(root); reopen(root); copying(root); }

  document.addEventListener("DOMContentLoaded", function () {
    fresh(document.body);
    dropping();
    charting();
    var lost = document.getElementById("lost");
    document.body.addEventListener("htmx:sseError", function () { lost.textContent = lost.dataset.text; });
    document.body.addEventListener("htmx:sseOpen", function () { lost.textContent = ""; });
    document.body.addEventListener("htmx:load", function (event) {
      if (event.detail.elt !== document.body) fresh(event.detail.elt);
      if (event.detail.elt.id === "main") { dropping(); event.detail.elt.focus(); }
    });
    document.body.addEventListener("htmx:sseMessage", function (event) { fresh(event.target); });
  });
})();
