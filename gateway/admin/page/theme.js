// No module: it runs before the first paint, so that nobody sees the theme flash by that they did not choose.
document.documentElement.dataset.theme = localStorage.getItem("prismatic-theme") ?? "system";
