// Meters work of another service with Prismatic's billing: hold the money, do the work, charge what came of
// it.
//
//   meter --billing HOST:PORT --model MODEL --images N --work COMMAND
//         [--account NAME --ca-file F --cert-file F --key-file F] [--admin HOST:PORT]
//
// COMMAND is the work: it prints how many images it delivered, 0 to N. Who pays is PRISMATIC_API_KEY, or, for
// a trusted meter, which its client certificate makes it, the account of that name. With --admin (and
// PRISMATIC_ADMIN_TOKEN) the account's usage of today is printed.
//
// Needs gRPC and the messages made from Prismatic's protos; docs/how-to/meter-another-service.md says how.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "prismatic/common/v1/errors.pb.h"

namespace {

namespace pb = prismatic::billing::v1;
using namespace std::chrono_literals;
using Clock = std::chrono::system_clock;

constexpr auto kDeadline = 3s;
// A failover of billing's Redis takes seconds; longer than this somebody should look.
constexpr auto kPatience = 30s;

// Every error carries one ErrorDetail. Programs decide by its reason, never by the message.
std::string ReasonOf(const grpc::Status& status) {
  prismatic::common::v1::StatusDetails details;
  prismatic::common::v1::ErrorDetail detail;
  if (details.ParseFromString(status.error_details()) && details.details_size() > 0 &&
      details.details(0).UnpackTo(&detail)) {
    return detail.reason();
  }
  return "gRPC code " + std::to_string(status.error_code());
}

bool MayHaveBeenLost(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

// All calls below are idempotent: an answer that was lost is asked for again, with the same identity.
template <typename Stub, typename Request, typename Response>
grpc::Status Repeat(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
  auto give_up = Clock::now() + kPatience;
  for (auto pause = 100ms;; pause = std::min(2 * pause, std::chrono::milliseconds(2s))) {
    grpc::ClientContext context;
    context.set_deadline(Clock::now() + kDeadline);
    grpc::Status status = (stub.*method)(&context, request, response);
    if (status.ok() || !MayHaveBeenLost(status) || Clock::now() > give_up) return status;
    std::this_thread::sleep_for(pause);
  }
}

// A UUIDv7: milliseconds first, then chance.
std::string NewAttemptId() {
  std::random_device chance;
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
  auto milliseconds = static_cast<unsigned long long>(now);
  char text[37];
  std::snprintf(text, sizeof text, "%08llx-%04llx-7%03x-%04x-%04x%08x", milliseconds >> 16,
                milliseconds & 0xffff, chance() & 0xfff, 0x8000 | (chance() & 0x3fff), chance() & 0xffff,
                chance() & 0xffffffff);
  return text;
}

// Exact: money is an integer of 10^-9 US dollars, never a float.
std::string Usd(int64_t nano_usd) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%09lld", static_cast<long long>(nano_usd / 1'000'000'000),
                static_cast<long long>(nano_usd % 1'000'000'000));
  std::string decimal = text;
  decimal.erase(decimal.find_last_not_of('0') + 1);
  if (decimal.back() == '.') decimal.pop_back();
  return decimal;
}

// Who pays: an API key, or for a trusted meter an account's name.
struct Payer {
  std::string api_key;
  std::string account;

  template <typename Request>
  void AddTo(Request& request) const {
    account.empty() ? request.set_api_key(api_key) : request.set_account(account);
  }
};

// One piece of work at a time: Reserve, then Settle or Release.
class Meter {
 public:
  Meter(std::shared_ptr<grpc::Channel> channel, Payer payer)
      : billing_(pb::Billing::NewStub(std::move(channel))), payer_(std::move(payer)) {}

  // Whose key it is. Holds and consumes nothing.
  grpc::Status CheckKey(pb::CheckKeyResponse* response) {
    pb::CheckKeyRequest request;
    request.set_api_key(payer_.api_key);
    return Repeat(*billing_, &pb::Billing::Stub::CheckKey, request, response);
  }

  grpc::Status Estimate(const std::string& model, int images, pb::EstimateCostResponse* response) {
    pb::EstimateCostRequest request;
    payer_.AddTo(request);
    request.set_model(model);
    request.set_image_count(images);
    return Repeat(*billing_, &pb::Billing::Stub::EstimateCost, request, response);
  }

  // Holds the price of so many images.
  grpc::Status Reserve(const std::string& model, int images, pb::Reservation* reservation) {
    pb::CreateReservationRequest request;
    payer_.AddTo(request);
    request.set_attempt_id(NewAttemptId());
    request.set_model(model);
    request.set_image_count(images);
    pb::CreateReservationResponse response;
    grpc::Status status = Repeat(*billing_, &pb::Billing::Stub::CreateReservation, request, &response);
    // It may have been made all the same. Nothing is done for it: give it back, at the latest at its expiry.
    if (MayHaveBeenLost(status)) ReleaseAttempt(request.attempt_id());
    *reservation = response.reservation();
    return status;
  }

  grpc::Status Release(const pb::Reservation& reservation) {
    pb::ReleaseReservationRequest request;
    request.set_reservation_id(reservation.id());
    pb::ReleaseReservationResponse response;
    return Repeat(*billing_, &pb::Billing::Stub::ReleaseReservation, request, &response);
  }

  // Charges what was delivered and gives the rest of the hold back.
  grpc::Status Settle(const pb::Reservation& reservation, int delivered,
                      pb::SettleReservationResponse* response) {
    pb::SettleReservationRequest request;
    request.set_reservation_id(reservation.id());
    request.set_delivered_count(delivered);
    grpc::Status status = Repeat(*billing_, &pb::Billing::Stub::SettleReservation, request, response);
    if (MayHaveBeenLost(status)) {
      // The work is done; the money is still held. `prismatic settlement replay` settles from this line,
      // within 24 hours.
      std::cerr << R"({"message":"settlement_pending","reservation":")" << reservation.id()
                << R"(","delivered":)" << delivered << "}\n";
    }
    return status;
  }

 private:
  // A release names a reservation whose answer was lost by what it was asked for with.
  void ReleaseAttempt(const std::string& attempt_id) {
    pb::ReleaseReservationRequest request;
    if (payer_.account.empty()) {
      request.set_api_key(payer_.api_key);
      request.set_attempt_id(attempt_id);
    } else {
      request.set_reservation_id(payer_.account + "." + attempt_id);
    }
    grpc::ClientContext context;
    context.set_deadline(Clock::now() + kDeadline);
    pb::ReleaseReservationResponse response;
    billing_->ReleaseReservation(&context, request, &response);
  }

  std::unique_ptr<pb::Billing::Stub> billing_;
  const Payer payer_;
};

// An administrator's call, on the admin port.
grpc::Status PrintUsageToday(const std::string& address, const std::string& account) {
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  int today = (utc.tm_year + 1900) * 10'000 + (utc.tm_mon + 1) * 100 + utc.tm_mday;
  auto admin = pb::BillingAdmin::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(Clock::now() + kDeadline);
  const char* token = std::getenv("PRISMATIC_ADMIN_TOKEN");
  context.AddMetadata("authorization", std::string("Bearer ") + (token == nullptr ? "" : token));
  pb::ListUsageRequest request;
  request.set_account(account);
  request.set_first_day(today);
  request.set_last_day(today);
  pb::ListUsageResponse usage;
  grpc::Status status = admin->ListUsage(&context, request, &usage);
  for (const pb::UsageRow& row : usage.rows()) {
    std::cout << "usage: " << row.day() << " " << (row.key_id().empty() ? "-" : row.key_id()) << " "
              << row.model() << " " << row.images() << " images " << Usd(row.charged_nano_usd()) << " USD\n";
  }
  return status;
}

// Runs the work; the number that it prints, or -1.
int DeliveredBy(const std::string& command) {
  int delivered = -1;
  std::FILE* work = popen(command.c_str(), "r");
  if (work == nullptr) return -1;
  bool printed = std::fscanf(work, "%d", &delivered) == 1;
  return pclose(work) == 0 && printed ? delivered : -1;
}

using Options = std::map<std::string, std::string>;

std::string Content(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

std::shared_ptr<grpc::Channel> OpenChannel(Options& options) {
  if (options["cert-file"].empty()) {
    return grpc::CreateChannel(options["billing"], grpc::InsecureChannelCredentials());
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = Content(options["ca-file"]);
  tls.pem_private_key = Content(options["key-file"]);
  tls.pem_cert_chain = Content(options["cert-file"]);
  return grpc::CreateChannel(options["billing"], grpc::SslCredentials(tls));
}

// Estimate, reserve, work, settle.
grpc::Status MeterTheWork(Meter& meter, Options& options) {
  int images = std::atoi(options["images"].c_str());
  pb::EstimateCostResponse estimate;
  grpc::Status status = meter.Estimate(options["model"], images, &estimate);
  if (!status.ok()) return status;
  std::cout << "estimate: " << Usd(estimate.total_nano_usd()) << " USD for " << options["account"] << "\n";

  pb::Reservation reservation;
  status = meter.Reserve(options["model"], images, &reservation);
  if (!status.ok()) return status;
  std::cout << "reserved: " << reservation.id() << std::endl;

  int delivered = DeliveredBy(options["work"]);
  if (delivered < 0 || delivered > images) {
    status = meter.Release(reservation);
    return status.ok() ? grpc::Status(grpc::StatusCode::ABORTED, "the work failed, nothing is charged")
                       : status;
  }
  pb::SettleReservationResponse settled;
  status = meter.Settle(reservation, delivered, &settled);
  if (!status.ok()) return status;
  std::cout << "charged: " << Usd(settled.reservation().charge_nano_usd()) << " USD, ledger entry "
            << settled.ledger_sequence() << "\n";
  return status;
}

grpc::Status Run(Options options) {
  const char* key = std::getenv("PRISMATIC_API_KEY");
  Payer payer = {key == nullptr ? "" : key, options["account"]};
  Meter meter(OpenChannel(options), payer);
  if (payer.account.empty()) {
    pb::CheckKeyResponse check;
    grpc::Status status = meter.CheckKey(&check);
    if (!status.ok()) return status;
    options["account"] = check.account();
  }
  grpc::Status status = MeterTheWork(meter, options);
  if (!status.ok() || options["admin"].empty()) return status;
  return PrintUsageToday(options["admin"], options["account"]);
}

}  // namespace

int main(int argc, char** argv) {
  Options options = {{"images", "1"}};
  for (int i = 1; i + 1 < argc; i += 2) options[std::string(argv[i]).substr(2)] = argv[i + 1];
  if (options["billing"].empty() || options["model"].empty() || options["work"].empty()) {
    std::cerr << "usage: meter --billing HOST:PORT --model MODEL --images N --work COMMAND\n";
    return 2;
  }
  grpc::Status status = Run(options);
  if (status.ok()) return 0;
  std::cerr << "refused: " << ReasonOf(status) << ": " << status.error_message() << "\n";
  return 1;
}
