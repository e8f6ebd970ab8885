// billing_load: so many clients, each on a connection of its own, each with one call at a time, until a count
// of calls is made. Prints one line of JSON.
//
//   billing_load reserve|settle HOST:PORT API_KEY MODEL FIRST COUNT CLIENTS
//
// `reserve` makes the reservations FIRST .. FIRST+COUNT-1, `settle` settles them.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"

namespace prismatic {
namespace {

using billing::v1::Billing;

// A slow one is counted, not cut off: the bench measures what billing does, not what callers bear.
constexpr absl::Duration kDeadline = absl::Seconds(10);

struct Job {
  bool reserve = true;
  std::string api_key, account, model;
  int64_t end = 0;
  std::atomic<int64_t> next{0}, failed{0};
};

std::string AttemptId(int64_t number) { return absl::StrFormat("00000000-0000-7000-8000-%012d", number); }

class Client {
 public:
  Client(Job* job, std::shared_ptr<grpc::Channel> channel, std::latch* done)
      : job_(job), stub_(Billing::NewStub(channel)), done_(done) {}

  void Next() {
    int64_t number = job_->next.fetch_add(1);
    if (number >= job_->end) return done_->count_down();
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    began_ = absl::Now();
    auto answered = [this](grpc::Status status) { Answered(status); };
    if (job_->reserve) {
      reserve_.set_api_key(job_->api_key);
      reserve_.set_attempt_id(AttemptId(number));
      reserve_.set_model(job_->model);
      reserve_.set_image_count(1);
      stub_->async()->CreateReservation(context_.get(), &reserve_, &reserved_, answered);
    } else {
      settle_.set_reservation_id(absl::StrCat(job_->account, ".", AttemptId(number)));
      settle_.set_delivered_count(1);
      stub_->async()->SettleReservation(context_.get(), &settle_, &settled_, answered);
    }
  }

  std::vector<double> milliseconds;

 private:
  void Answered(const grpc::Status& status) {
    milliseconds.push_back(absl::ToDoubleMilliseconds(absl::Now() - began_));
    if (!status.ok() && job_->failed.fetch_add(1) == 0) std::cerr << status.error_message() << "\n";
    Next();
  }

  Job* job_;
  std::unique_ptr<Billing::Stub> stub_;
  std::latch* done_;
  std::unique_ptr<grpc::ClientContext> context_;
  absl::Time began_;
  billing::v1::CreateReservationRequest reserve_;
  billing::v1::CreateReservationResponse reserved_;
  billing::v1::SettleReservationRequest settle_;
  billing::v1::SettleReservationResponse settled_;
};

std::shared_ptr<grpc::Channel> OwnConnection(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kDeadline));
  return channel;
}

int Run(Job& job, const std::string& target, int clients) {
  std::latch done(clients);
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < clients; ++i) {
    all.push_back(std::make_unique<Client>(&job, OwnConnection(target), &done));
  }
  int64_t count = job.end - job.next;
  absl::Time began = absl::Now();
  for (auto& client : all) client->Next();
  done.wait();
  double seconds = absl::ToDoubleSeconds(absl::Now() - began);
  std::vector<double> times;
  for (auto& client : all) {
    times.insert(times.end(), client->milliseconds.begin(), client->milliseconds.end());
  }
  std::sort(times.begin(), times.end());
  absl::PrintF("{\"per_second\": %.1f, \"failed\": %d, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
               count / seconds, job.failed.load(), times[times.size() / 2], times[times.size() * 99 / 100]);
  return job.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace prismatic

int main(int argc, char** argv) {
  if (argc != 8) {
    std::cerr << "usage: billing_load reserve|settle HOST:PORT API_KEY MODEL FIRST COUNT CLIENTS\n";
    return 2;
  }
  prismatic::Job job;
  job.reserve = absl::string_view(argv[1]) == "reserve";
  job.api_key = argv[3];
  // pk_<account>.<n>_...
  job.account = job.api_key.substr(3, job.api_key.find('.') - 3);
  job.model = argv[4];
  job.next = std::atoll(argv[5]);
  job.end = job.next + std::max(1LL, std::atoll(argv[6]));
  return prismatic::Run(job, argv[2], std::max(1, std::atoi(argv[7])));
}
