// Shows the contract that this server publishes. Calls that are tried go to where the page came from.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // no third party is asked
});
