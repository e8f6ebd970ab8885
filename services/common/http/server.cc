#include "services/common/http/server.h"

#include <utility>

#include "services/common/http/gate.h"
#include "services/common/http/head_parser.h"
#include "services/common/http/listener.h"
#include "services/common/log/log.h"

namespace prismatic::http {

struct Server::Impl {
  Impl(Listener listener, ServerOptions server_options, Handler request_handler)
      : options(std::move(server_options)),
        handler(std::move(request_handler)),
        gate(std::move(listener),
             {.limits = options.limits,
              .budget = options.budget,
              .metrics = options.metrics,
              .metrics_prefix = options.metrics_prefix,
              .complete =
                  [this](Exchange* exchange) {
                    options.workers->Post([this, exchange] { Handle(exchange); });
                  },
              // Not on the gate: what a cancelled handler still has to do may take a while.
              .cancel =
                  [workers = options.workers](Cancellation cancellation) {
                    workers->Post([cancellation]() mutable { cancellation.Cancel(); });
                  },
              .refuse = options.refuse}) {}

  void Handle(Exchange* exchange) {
    if (!parser.Parse(exchange->head, *exchange->request)) {
      log::Error("the HTTP library refuses a head that the gate let through");
      exchange->response = Refusal(400);
      return gate.Answer(exchange);
    }
    // Not needed while the handler waits, perhaps for minutes.
    std::string().swap(exchange->head.rewritten);
    prismatic::Start<Response>(Handled(exchange->request), [this, exchange](Response response) {
      exchange->response = std::move(response);
      gate.Answer(exchange);
    });
  }

  // What a handler throws before its first suspension is nobody's business outside.
  Task<Response> Handled(std::shared_ptr<Request> request) {
    try {
      return handler(std::move(request));
    } catch (const std::exception& exception) {
      log::Error("a handler threw", {{"what", std::string(exception.what())}});
      return Failed();
    }
  }

  Task<Response> Failed() { co_return Refusal(500); }

  Response Refusal(int status) const {
    if (options.refuse) return options.refuse(status);
    Response response;
    response.status = status;
    return response;
  }

  const ServerOptions options;
  const Handler handler;
  const HeadParser parser;
  // Last: its thread uses the others.
  Gate gate;
};

Server::Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler) {
  absl::StatusOr<Listener> listener = Listener::Bind(options.address);
  if (!listener.ok()) return listener.status();
  std::unique_ptr<Server> server(new Server());
  server->port_ = listener->port();
  server->impl_ = std::make_unique<Impl>(*std::move(listener), std::move(options), std::move(handler));
  return server;
}

Server::~Server() = default;

int Server::port() const { return port_; }

void Server::CloseAfterAnswers() { impl_->gate.CloseAfterAnswers(); }

void Server::Drain(absl::Duration grace) { impl_->gate.Drain(grace); }

}  // namespace prismatic::http
