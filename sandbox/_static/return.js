// The provider hands its answer to the merchant by a form the browser posts. Without script the button does it.
document.querySelector("form[data-return]")?.requestSubmit();
