#ifndef PRISMATIC_GATEWAY_OPENAI_RESPONSE_WRITER_H_
#define PRISMATIC_GATEWAY_OPENAI_RESPONSE_WRITER_H_

#include <string>
#include <vector>

#include "gateway/generation/image_request.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::openai {

// What an answer needs of its request, so that reference images of many MiB are not kept for it.
struct AnswerForm {
  // URLs are wanted: where bytes are given, they become one.
  bool as_data_url = false;
  std::vector<std::string> unknown_parameters;
};
AnswerForm FormOf(const ImageRequest& request);

// OpenAI's ImagesResponse with the headers about cost, limits and ignored parameters. Absent fields are
// absent; what is outside OpenAI's enums is left out, so that strict clients can read it.
http::Response ImagesResponse(const AnswerForm& form, const ImageReply& reply, int64_t created_seconds);

struct ListedModel {
  std::string public_id;
  std::string owned_by;
  int64_t created = 0;
};
http::Response ModelsResponse(const std::vector<ListedModel>& models);
http::Response ModelResponse(const ListedModel& model);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_RESPONSE_WRITER_H_
