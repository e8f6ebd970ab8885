#include "services/provider_proxy/routing/blame.h"

#include "absl/strings/string_view.h"

namespace prismatic::provider_proxy {
namespace {

struct Word {
  absl::string_view label;
  Blame blame;
};

// What is not here (server_error, timeout, broken, bad_answer, forbidden, ...) may be either's fault: one
// model that is broken for good answers 500 as well as a provider whose database is down.
constexpr Word kWords[] = {
    {"cancelled", Blame::kNothing},
    {"not_expressible", Blame::kNothing},
    {"no_room", Blame::kNothing},  // in our own memory
    // What the caller sent may be why, and it was answered: no proof in either direction.
    {"too_large", Blame::kNothing},
    {"forbidden_page", Blame::kNothing},
    {"no_image", Blame::kNobody},  // it explains itself
    {"connect_error", Blame::kProvider},
    {"unauthorized", Blame::kProvider},
    {"no_credential", Blame::kProvider},
    {"payment_required", Blame::kProvider},
    {"not_found", Blame::kTarget},
    {"rate_limited", Blame::kTarget},
    {"overloaded", Blame::kTarget},
    {"empty_answer", Blame::kTarget},
    {"unusable_image", Blame::kTarget},
};

}  // namespace

Blame BlameOf(const Outcome& outcome) {
  switch (outcome.verdict) {
    case Verdict::kImages:
    case Verdict::kModerated:
    case Verdict::kRejected:
      return Blame::kNobody;
    case Verdict::kPending:
      return Blame::kNothing;
    case Verdict::kNotStarted:
    case Verdict::kUnknown:
      break;
  }
  for (const Word& word : kWords) {
    if (outcome.label == word.label) return word.blame;
  }
  return Blame::kEither;
}

}  // namespace prismatic::provider_proxy
