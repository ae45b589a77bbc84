// Alpine components for pages. The CSP build evaluates single expressions only; anything longer belongs here.
export const registerData = (Alpine) => {
  Alpine.data("disclosure", () => ({
    open: false,
    toggle() { this.open = !this.open; },
    close() { this.open = false; },
  }));
  Alpine.data("choice", () => ({
    value: "",
    init() { this.value = this.$el.dataset.value ?? ""; },
    choose() { this.value = this.$event?.currentTarget?.dataset.value ?? this.value; },
    is(candidate) { return this.value === candidate; },
  }));
  Alpine.data("countdown", () => ({
    left: 0,
    init() {
      this.left = Number(this.$el.dataset.seconds ?? 0);
      const timer = setInterval(() => { if (this.left > 0) this.left -= 1; else clearInterval(timer); }, 1000);
    },
    get text() { return `${Math.floor(this.left / 60)}:${String(this.left % 60).padStart(2, "0")}`; },
  }));
};
