#ifndef PRISMATIC_SERVICES_CLI_FAKE_PROVIDER_PROXY_H_
#define PRISMATIC_SERVICES_CLI_FAKE_PROVIDER_PROXY_H_

// For tests: provider-proxy, real on the wire, with canned answers.

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>

#include "prismatic/provider_proxy/v1/provider_proxy.grpc.pb.h"
#include "services/cli/fake_services.h"

namespace prismatic::cli {

namespace ppb = provider_proxy::v1;

class FakeProviderProxy : public ppb::ProviderProxy::Service {
 public:
  Recorder recorder;
  ppb::TestProviderResponse answer;
  ppb::GetProviderStatesResponse states;

  void Add(const std::string& name, ppb::CheckResult result, const std::string& words, int64_t duration_ms) {
    ppb::ProviderCheck& check = *answer.add_checks();
    check.set_name(name);
    check.set_result(result);
    check.set_words(words);
    check.set_duration_ms(duration_ms);
  }
  grpc::Status TestProvider(grpc::ServerContext* context, const ppb::TestProviderRequest* request,
                            ppb::TestProviderResponse* response) override {
    *response = answer;
    return recorder.Record(*context, *request);
  }
  grpc::Status GetProviderStates(grpc::ServerContext* context, const ppb::GetProviderStatesRequest* request,
                                 ppb::GetProviderStatesResponse* response) override {
    *response = states;
    return recorder.Record(*context, *request);
  }
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_FAKE_PROVIDER_PROXY_H_
