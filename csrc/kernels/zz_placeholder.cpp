#include <algorithm>
#include <cmath>
#include <cstring>
#include "kernels/channels.h"
#include "kernels/finish.h"
#include "kernels/resample.h"
#include "core/luminance.h"
#include "codecs/orient.h"
#include "core/file.h"
#include "codecs/jpeg.h"
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
namespace fastload {
void rgb_to_rgbx(const std::uint8_t* in, int n, std::uint8_t* out) noexcept { for (int i = 0; i < n; ++i) { out[4*i]=in[3*i]; out[4*i+1]=in[3*i+1]; out[4*i+2]=in[3*i+2]; out[4*i+3]=255; } }
void grey_to_rgbx(const std::uint8_t* in, int n, std::uint8_t* out) noexcept { for (int i = 0; i < n; ++i) { out[4*i]=out[4*i+1]=out[4*i+2]=in[i]; out[4*i+3]=255; } }
std::size_t out_bytes(OutType t) noexcept { return t == OutType::kUint8 ? 1 : t == OutType::kFloat32 ? 4 : 2; }
LevelMap::LevelMap(OutType type, int channels, const void* values) : type_(type), channels_(channels) { if (values) { table_.resize(channels*256*out_bytes(type)); std::memcpy(table_.data(), values, table_.size()); } }
void finish_image(ImageView in, const Placement& p, const LevelMap& map, int height, int width, bool planar, void* out) noexcept {
  int C = map.channels_; std::size_t b = out_bytes(map.type_);
  for (int y=0;y<height;++y) for (int x=0;x<width;++x) {
    int sy = p.rows ? p.rows[y] : p.rows_reversed ? height-1-y : y; int sx = p.columns ? p.columns[x] : p.columns_reversed ? width-1-x : x;
    std::uint8_t v[4];
    if (sy<0||sx<0) std::memcpy(v,p.fill,4); else { const std::uint8_t* q = in.row(sy)+sx*in.channels; if (in.channels==1) v[0]=v[1]=v[2]=*q, v[3]=255; else if (C==1) v[0]=luminance(q[0],q[1],q[2]); else std::memcpy(v,q,4); }
    for (int c=0;c<C;++c) { std::size_t at = planar ? (std::size_t(c)*height+y)*width+x : (std::size_t(y)*width+x)*C+c;
      if (map.table_.empty()) static_cast<std::uint8_t*>(out)[at]=v[c]; else std::memcpy(static_cast<std::uint8_t*>(out)+at*b, &map.table_[(c*256+v[c])*b], b); }
  } }
static double tri(double x){x=std::fabs(x);return x<1?1-x:0;} static double box(double x){return x>-0.5&&x<=0.5?1:0;}
static double ham(double x){x=std::fabs(x);if(x==0)return 1;if(x>=1)return 0;x*=M_PI;return std::sin(x)/x*(0.54+0.46*std::cos(x));}
static double cub(double x){const double a=-0.5;x=std::fabs(x);if(x<1)return((a+2)*x-(a+3))*x*x+1;if(x<2)return(((x-5)*x+8)*x-4)*a;return 0;}
static double sinc(double x){if(x==0)return 1;x*=M_PI;return std::sin(x)/x;} static double lan(double x){return -3<=x&&x<3?sinc(x)*sinc(x/3):0;}
void AxisWeights::make(Filter f, int in, double from, double to, int full, int begin, int end) {
  double (*fn)(double)= f==Filter::kBox?box:f==Filter::kBilinear?tri:f==Filter::kHamming?ham:f==Filter::kBicubic?cub:lan; double sup = f==Filter::kBox?0.5:f==Filter::kBicubic?2:f==Filter::kLanczos?3:1;
  double scale=(to-from)/full, fs=std::max(1.0,scale); sup*=fs; first_.clear(); w_.clear();
  ident_ = in==full && from==0 && to==in;
  double acc=from+0.5*scale; for (int o=0;o<begin;++o) acc+=scale; for (int o=begin;o<end;++o, acc+=scale) { double c=from+(o+0.5)*scale; if (f==Filter::kNearest) c=acc; if (f==Filter::kNearest||ident_) { first_.push_back(std::min(in-1,int(ident_?o:std::floor(c)))); w_.push_back({1.0}); continue; }
    int lo=std::max(0,int(c-sup+0.5)), hi=std::min(in,int(c+sup+0.5)); std::vector<double> w; double s=0; for(int i=lo;i<hi;++i){double v=fn((i-c+0.5)/fs);w.push_back(v);s+=v;} for(auto&v:w)v/=s; first_.push_back(lo); w_.push_back(w); } }
int AxisWeights::outputs() const noexcept { return first_.size(); }
int AxisWeights::first_input() const noexcept { return *std::min_element(first_.begin(), first_.end()); }
int AxisWeights::end_input() const noexcept { int e=0; for (size_t i=0;i<first_.size();++i) e=std::max<int>(e, first_[i]+w_[i].size()); return e; }
void AxisWeights::rebase() noexcept { int f=first_input(); for (auto& v: first_) v-=f; }
bool AxisWeights::is_identity() const noexcept { return ident_; }
void RowResizer::start(const AxisWeights& h, const AxisWeights& v, int c, ImageView out) { h_=&h; v_=&v; c_=c; out_=out; rows_.clear(); }
void RowResizer::push(const std::uint8_t* rows, std::ptrdiff_t rb, int count) {
  auto r8=[](double v){return std::uint8_t(std::clamp(std::floor(v+0.5),0.0,255.0));};
  for (int k=0;k<count;++k) { std::vector<std::uint8_t> r(h_->outputs()*c_); for (int o=0;o<h_->outputs();++o) for (int c=0;c<c_;++c) { double s=0; for (size_t t=0;t<h_->w_[o].size();++t) s+=h_->w_[o][t]*rows[k*rb+(h_->first_[o]+t)*c_+c]; r[o*c_+c]=r8(s);} rows_.push_back(r); }
  if ((int)rows_.size()==v_->end_input()) for (int o=0;o<v_->outputs();++o) for (int x=0;x<h_->outputs()*c_;++x) { double s=0; for (size_t t=0;t<v_->w_[o].size();++t) s+=v_->w_[o][t]*rows_[v_->first_[o]+t][x]; out_.row(o)[x]=r8(s); } }
}
